-- On both engines: all monitors' last hour (measured_at) and what a crash left uncounted (received_at).
create index reading_by_time on reading using brin (measured_at, received_at)
    with (pages_per_range = 32, autosummarize = on);

create view reading_mg as                         -- for people: in units, states as yes and no
select m.district, m.code as monitor, r.measured_at, r.received_at,
    (r.fume / 1000.0)::real as fume_mg_m3,
    (r.pm / 1000.0)::real as pm_mg_m3,
    (r.nmhc / 1000.0)::real as nmhc_mg_m3,
    (r.temperature / 1000.0)::real as temperature_c,
    (r.humidity / 1000.0)::real as humidity_percent,
    (r.velocity / 1000.0)::real as velocity_m_s,
    (r.fan_current / 1000.0)::real as fan_current_a,
    (r.purifier_current / 1000.0)::real as purifier_current_a,
    r.fan_on <> 0 as fan_on, r.purifier_on <> 0 as purifier_on,
    r.quality, r.unjudged, r.monitor_id
from reading r join monitor m on m.id = r.monitor_id;
