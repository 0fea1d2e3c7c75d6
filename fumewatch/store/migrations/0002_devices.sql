-- What devices tell of themselves, and dead letters that can be replayed.

alter table monitor add column heard_at timestamptz;   -- last heartbeat (HJ 212, 9015)
alter table monitor set (fillfactor = 70);      -- written at each heartbeat: in place (HOT)

create table device_event (                       -- restarts, logs, changes of facility states
    monitor_id int not null references monitor,
    at timestamptz not null,                      -- when it happened, by the device's clock
    kind text not null check (kind in ('restart', 'log', 'facility')),
    detail jsonb not null default '{}',           -- as the device wrote it, long texts cut
    about text not null default '',               -- facility: which keys its detail has, hashed
    received_at timestamptz not null
);
create unique index device_event_once
    on device_event (monitor_id, kind, about, at, md5(detail::text));
create index device_event_by_monitor on device_event (monitor_id, received_at desc);
create index device_event_by_time on device_event (received_at);

create table device_aggregate (                   -- the device's own statistics, and ours beside them
    monitor_id int not null references monitor,
    start timestamptz not null,                   -- of the interval
    interval text not null check (interval in ('minutes', 'hour', 'day')),
    channel text not null,
    least int, mean int, most int,                -- thousandths of the channel's unit
    quality "char" not null default 'N',
    received_at timestamptz not null,
    our_mean int,                                 -- ours over the same interval; null: none
    our_count int,                                -- judged readings that ours rests on
    compared_at timestamptz,                      -- null: not yet
    outcome text check (outcome in               -- core.integrity.Outcome; differs: a finding
        ('not judged', 'not our ten minutes', 'too few of ours', 'differs', 'agrees')),
    primary key (monitor_id, interval, start, channel),
    check ((compared_at is null) = (outcome is null))
);
create index device_aggregate_due on device_aggregate (received_at) where compared_at is null;
create index device_aggregate_compared on device_aggregate (monitor_id, start) include (outcome)
    where outcome in ('differs', 'agrees');
create index device_aggregate_findings on device_aggregate (monitor_id, start desc)
    where outcome = 'differs';
create index device_aggregate_by_comparison on device_aggregate (compared_at) include (outcome)
    where compared_at is not null;
create index device_aggregate_by_time on device_aggregate (received_at);

alter table dead_letter
    add column profile text not null default '',  -- the [[profile]] that could not read it
    add column requested_at timestamptz,          -- a person asked for a replay
    add column tried_at timestamptz;              -- last replay that failed
comment on column dead_letter.replayed_at is 'when a replay stored all of it; never replayed again';
create index dead_letter_requested on dead_letter (id) where requested_at is not null;
create index dead_letter_open on dead_letter (profile, kind, id) include (received_at)
    where replayed_at is null;                    -- counts and samples, without a look at the table
create index dead_letter_replayed on dead_letter (id) where replayed_at is not null;
