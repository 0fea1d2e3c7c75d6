-- What rules of days and patterns judge: positions, cleanings, complaints, days, what was learned.

alter table site
    add column latitude double precision check (latitude between -90 and 90),
    add column longitude double precision check (longitude between -180 and 180),
    add constraint site_position_is_whole check ((latitude is null) = (longitude is null));

create table cleaning (                           -- the newest is outlet's last cleaning
    outlet_id int not null references outlet on delete cascade,
    cleaned_on date not null,
    note text not null default '',
    source text not null,                         -- the file that told so
    recorded_at timestamptz not null default now(),
    primary key (outlet_id, cleaned_on)
);
insert into cleaning (outlet_id, cleaned_on, source)
select id, cleaned_at, 'sites.csv' from outlet where cleaned_at is not null;
alter table outlet drop column cleaned_at;

create table complaint (                          -- of residents, from the hotline
    number text primary key,                      -- the hotline's own
    at timestamptz not null,
    latitude double precision check (latitude between -90 and 90),
    longitude double precision check (longitude between -180 and 180),
    site_id int references site on delete set null,  -- named by the file: has its position, if none
    address text not null default '',
    text text not null default '',
    received_at timestamptz not null default now(),
    constraint complaint_position_is_whole check ((latitude is null) = (longitude is null))
);
create index complaint_by_time on complaint (at);

-- What core.days.DayFacts has; minutes of the day, values in thousandths, null where there is none.
create table monitor_day (
    day date not null,                            -- of the configured zone
    monitor_id int not null,
    fume_median int, pm_median int, nmhc_median int,
    fan_current_median int, purifier_current_median int,
    fume_peak int, pm_peak int, nmhc_peak int, fan_current_peak int, purifier_current_peak int,
    readings smallint not null, valid smallint not null, open smallint not null,
    valid_open smallint not null default 0, fan smallint not null,
    linkage_known smallint not null, linkage_on smallint not null,
    fume_counted smallint not null, pm_counted smallint not null, nmhc_counted smallint not null,
    fan_current_counted smallint not null, purifier_current_counted smallint not null,
    primary key (monitor_id, day)
);
create index monitor_day_by_day on monitor_day (day);

create table day_done (                           -- every monitor's facts of this day are stored
    day date primary key,
    done_at timestamptz not null default now()
);

-- What was learned as of learned_mark. gaps: how many gaps of 0 to 60 minutes between changes, 61
-- big-endian words of 16 bit. Written in place (HOT): half of each page is left free.
create table learned (
    changed_at timestamptz,                       -- null: never
    seen_at timestamptz,
    monitor_id int not null,
    value int,                                    -- the last; thousandths of the channel's unit
    channel smallint not null,                    -- place in core.reading.CHANNELS
    period_minutes smallint not null,
    is_learned boolean not null,                  -- else the period is the default
    gaps bytea not null,
    primary key (monitor_id, channel)
) with (fillfactor = 50);

create table learned_monitor (
    monitor_id int primary key,
    interval_minutes smallint not null,           -- between two readings
    days smallint not null,                       -- that `sampling` rests on
    presence_gaps bytea not null,                 -- as `gaps`, between readings
    sampling bytea not null,                      -- by quarter-hour of the local day: share of days
                                                  -- with a change, of 255
    today bytea not null,                         -- by quarter-hour: 1 where it changed today
    derived text not null default ''              -- what linear mix fume is of others; '': none
) with (fillfactor = 50);

create table learned_mark (
    only_row boolean primary key default true check (only_row),
    as_of timestamptz not null
) with (fillfactor = 50);

-- Patterns look these up by time, of all monitors at once.
create index device_event_restarts on device_event (at) where kind = 'restart';
create index device_aggregate_findings_by_time on device_aggregate (start)
    where outcome = 'differs';
