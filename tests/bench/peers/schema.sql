-- What the peers store into: typed columns, no key, no index, as a first own solution would have it.

create table peer_reading (
    monitor text, measured_at timestamptz,
    fume float8, pm float8, nmhc float8, temperature float8, humidity float8, velocity float8,
    fan_on boolean, fan_current float8, purifier_on boolean, purifier_current float8, quality text
);

create table peer_payload (payload text);       -- the floor's: lines as they came, not even parsed

-- Pathway's stream of changes: `time` is its own, `diff` 1 for a row that comes
create table pathway_reading (
    measured_at timestamptz,
    fume float8, pm float8, nmhc float8, temperature float8, humidity float8,
    fan_on boolean, fan_current float8, purifier_on boolean, purifier_current float8,
    time bigint not null, diff smallint not null
);
