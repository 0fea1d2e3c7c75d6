-- fumewatch, first schema: the same tables on PostgreSQL 15+ and on TimescaleDB 2.17+.
-- Words as in the README's glossary. Times are UTC instants; values are thousandths of the channel's unit.

create table limit_profile (
    name text primary key,
    fume real, pm real, nmhc real                 -- mg/m³; null: no limit
);

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

create table outlet_site (                        -- a shared flue: n:m
    outlet_id int not null references outlet on delete cascade,
    site_id int not null references site on delete cascade,
    primary key (outlet_id, site_id)
);

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

create table reading (
    monitor_id int not null,
    measured_at timestamptz not null,
    received_at timestamptz not null,
    fume int, pm int, nmhc int, temperature int, humidity int, velocity int,
    fan_current int, purifier_current int,
    fan_on smallint, purifier_on smallint,
    unjudged smallint not null default 0,         -- bit c: channel c is kept, not judged
    quality "char" not null default 'N',
    primary key (monitor_id, measured_at)
) partition by range (measured_at);               -- TimescaleDB: a hypertable instead (see migrate.py)

create table monitor_latest (
    monitor_id int primary key references monitor,
    measured_at timestamptz not null,
    received_at timestamptz not null,
    fume int, pm int, nmhc int, temperature int, humidity int, velocity int,
    fan_current int, purifier_current int, fan_on smallint, purifier_on smallint,
    unjudged smallint not null, quality "char" not null
);

-- rollup_10m (monitor_id, bucket), rollup_day (monitor_id, day), rollup_street (district, street, bucket),
-- and rollup_mark come here (the store's author fills them in).

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

create table outbox (
    id bigint generated always as identity primary key,
    idempotency_key uuid not null unique,
    transition_id bigint not null references transition,
    receiver text not null,
    body jsonb not null,                          -- the whole message, as the MQTT contract shows it
    state text not null default 'due' check (state in ('due', 'sent', 'failed')),
    due_at timestamptz not null,
    claimed_until timestamptz,
    attempts int not null default 0,
    answer text,                                  -- the remote's last answer or our last error
    settled_at timestamptz,
    created_at timestamptz not null
);
create index outbox_due on outbox (due_at) where state = 'due';
create index outbox_by_transition on outbox (transition_id);

create table dead_letter (
    id bigint generated always as identity primary key,
    received_at timestamptz not null,
    topic text not null,
    payload bytea not null,
    kind text not null,                           -- DecodeError.kind
    detail text not null,
    replayed_at timestamptz
);

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
