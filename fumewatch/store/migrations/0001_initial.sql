-- fumewatch, first schema: the same tables on PostgreSQL 15+ and on TimescaleDB 2.17+.
-- Words as in the README's glossary. Times are UTC instants; values are thousandths of the channel's unit.
-- Hot tables put their 8-byte columns on 8-byte bounds: padding is bytes times readings.

create table site (
    id int generated always as identity primary key,
    code text not null unique,
    name text not null,
    district text not null,
    street text not null,
    address text not null default '',
    contact text not null default '',
    size_class text check (size_class in ('small', 'medium', 'large')),
    business_hours text,                          -- null: the configured default
    tags text[] not null default '{}'
);

create table outlet (
    id int generated always as identity primary key,
    code text not null unique,
    name text not null default '',
    responsible_site int not null references site,
    limit_profile text not null,                  -- a [[limit]] of the configuration
    cleaned_at date
);
create index outlet_by_site on outlet (responsible_site);

create table outlet_site (                        -- a shared flue: n:m
    outlet_id int not null references outlet on delete cascade,
    site_id int not null references site on delete cascade,
    primary key (outlet_id, site_id)
);
create index outlet_site_by_site on outlet_site (site_id);

create table monitor (
    id int generated always as identity primary key,
    district text not null,
    code text not null,
    outlet_id int references outlet,              -- null: unassigned
    vendor text not null default '',
    model text not null default '',
    status text check (status in ('online', 'offline')),  -- last retained status or last will
    status_at timestamptz,
    registered_at timestamptz not null default now(),
    unique (district, code)
);
create index monitor_by_outlet on monitor (outlet_id);

create table reading (                            -- cut into days by 0001_plain or 0001_timescaledb
    monitor_id int not null,
    fan_on smallint, purifier_on smallint,
    measured_at timestamptz not null,             -- the monitor's time
    received_at timestamptz not null,             -- ours, of the last frame that added to the row
    fume int, pm int, nmhc int, temperature int, humidity int, velocity int,
    fan_current int, purifier_current int,
    unjudged smallint not null default 0,         -- bit c: channel c is kept, not judged
    quality "char" not null default 'N',
    primary key (monitor_id, measured_at)
);

create table monitor_latest (                     -- newest by measured_at
    monitor_id int primary key references monitor,
    fan_on smallint, purifier_on smallint,
    measured_at timestamptz not null,
    received_at timestamptz not null,
    fume int, pm int, nmhc int, temperature int, humidity int, velocity int,
    fan_current int, purifier_current int,
    unjudged smallint not null, quality "char" not null
) with (fillfactor = 50);                         -- room for updates in place (HOT)

-- Roll-ups count judged values only. readings: rows; valid: rows of quality N; fan_on: fan judged on;
-- linkage_known: of those, purifier known; linkage_on: of those, purifier on. max is null where n is 0.
create table rollup_10m (                         -- cut into days as well
    bucket timestamptz not null,                  -- start of 10 minutes
    monitor_id int not null,
    fume_sum bigint not null, pm_sum bigint not null, nmhc_sum bigint not null,
    temperature_sum bigint not null, humidity_sum bigint not null, velocity_sum bigint not null,
    fan_current_sum bigint not null, purifier_current_sum bigint not null,
    readings int not null, valid int not null,
    fan_on int not null, linkage_known int not null, linkage_on int not null,
    fume_n int not null, pm_n int not null, nmhc_n int not null,
    temperature_n int not null, humidity_n int not null, velocity_n int not null,
    fan_current_n int not null, purifier_current_n int not null,
    fume_max int, pm_max int, nmhc_max int, temperature_max int, humidity_max int, velocity_max int,
    fan_current_max int, purifier_current_max int,
    primary key (monitor_id, bucket)
);

create table rollup_day (
    day date not null,                            -- of the site's zone
    monitor_id int not null,
    fume_sum bigint not null, pm_sum bigint not null, nmhc_sum bigint not null,
    temperature_sum bigint not null, humidity_sum bigint not null, velocity_sum bigint not null,
    fan_current_sum bigint not null, purifier_current_sum bigint not null,
    readings int not null, valid int not null,
    fan_on int not null, linkage_known int not null, linkage_on int not null,
    fume_n int not null, pm_n int not null, nmhc_n int not null,
    temperature_n int not null, humidity_n int not null, velocity_n int not null,
    fan_current_n int not null, purifier_current_n int not null,
    fume_max int, pm_max int, nmhc_max int, temperature_max int, humidity_max int, velocity_max int,
    fan_current_max int, purifier_current_max int,
    primary key (monitor_id, day)
) with (fillfactor = 50);                         -- updated in place all day
create index rollup_day_by_day on rollup_day (day);

create table rollup_street (                      -- by the street a monitor hung in when counted
    bucket timestamptz not null,                  -- start of 10 minutes
    fume_sum bigint not null, pm_sum bigint not null, nmhc_sum bigint not null,
    temperature_sum bigint not null, humidity_sum bigint not null, velocity_sum bigint not null,
    fan_current_sum bigint not null, purifier_current_sum bigint not null,
    readings int not null, valid int not null,
    fan_on int not null, linkage_known int not null, linkage_on int not null,
    fume_n int not null, pm_n int not null, nmhc_n int not null,
    temperature_n int not null, humidity_n int not null, velocity_n int not null,
    fan_current_n int not null, purifier_current_n int not null,
    fume_max int, pm_max int, nmhc_max int, temperature_max int, humidity_max int, velocity_max int,
    fan_current_max int, purifier_current_max int,
    district text not null,
    street text not null,
    primary key (district, street, bucket)
) with (fillfactor = 70);
create index rollup_street_by_time on rollup_street (bucket);

-- How far the roll-ups and monitor_latest have counted. Every row received after received_to was
-- measured at measured_from or later, so finding them after a crash never reads the whole history.
create table rollup_mark (
    only_row boolean primary key default true check (only_row),
    received_to timestamptz not null,
    measured_from timestamptz not null
) with (fillfactor = 50);
insert into rollup_mark (received_to, measured_from) values ('-infinity', '-infinity');

create table alert (
    id uuid primary key,
    rule text not null,
    kind text not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    monitor_id int not null references monitor,
    state text not null check (state in ('pending', 'firing', 'resolved')),
    opened_at timestamptz not null,
    breached_at timestamptz not null,
    fired_at timestamptz,
    clear_since timestamptz,
    resolved_at timestamptz,
    value double precision not null,              -- in the channel's unit; NaN: none
    "limit" double precision not null,
    evidence jsonb not null default '{}'
);
create unique index alert_open on alert (rule, monitor_id) where state <> 'resolved';
create index alert_by_monitor on alert (monitor_id, opened_at desc);
create index alert_by_time on alert (opened_at desc);

create table transition (                         -- append-only
    id bigint generated always as identity primary key,
    alert_id uuid not null references alert,
    before text,
    after text not null,
    at timestamptz not null,
    reason text not null,
    value double precision not null,
    evidence jsonb not null default '{}'
);
create index transition_by_alert on transition (alert_id, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
create trigger transition_is_append_only
    before update or delete or truncate on transition
    for each statement execute function refuse_change();

create table outbox (
    id bigint generated always as identity primary key,
    idempotency_key uuid not null unique,
    transition_id bigint not null references transition,
    alert_id uuid not null references alert,      -- the transition's: its messages go in order
    receiver text not null,
    body jsonb not null,                          -- the whole message, as the MQTT contract shows it
    state text not null default 'due' check (state in ('due', 'sent', 'failed')),
    due_at timestamptz not null,
    claimed_until timestamptz,
    attempts int not null default 0,
    answer text,                                  -- the remote's last answer or our last error
    settled_at timestamptz,
    created_at timestamptz not null,
    check ((state = 'due') = (settled_at is null))
);
create index outbox_due on outbox (receiver, due_at, id) where state = 'due';
create index outbox_unsettled on outbox (alert_id, receiver, id) where settled_at is null;
create index outbox_by_transition on outbox (transition_id);
create index outbox_failed on outbox (created_at) where state = 'failed';

create table dead_letter (
    id bigint generated always as identity primary key,
    received_at timestamptz not null,
    topic text not null,
    payload bytea not null,
    kind text not null,                           -- DecodeError.kind
    detail text not null,
    replayed_at timestamptz
);
create index dead_letter_by_time on dead_letter (received_at desc);

create table daemon (                             -- one row per running daemon, for status and the page
    id uuid primary key,
    host text not null,
    pid int not null,
    version text not null,
    started_at timestamptz not null,
    heartbeat_at timestamptz not null,
    is_leader boolean not null,
    health jsonb not null default '{}',
    counters jsonb not null default '{}'
);
