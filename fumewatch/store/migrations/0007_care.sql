-- What needs the owner's rights and the daemon does day by day: functions that act as their owner, so
-- that a daemon without those rights can make, compress and drop days, and nothing else.

create table database_role (                      -- whom `fumewatch roles apply` gave rights to
    name text primary key,
    kind text not null check (kind in ('writer', 'reader'))
);

-- The names of the partitions made; on TimescaleDB, whose chunks come by themselves, none.
create function make_days(days date[]) returns setof text language plpgsql security definer as $$
declare
    day date;
    cut text;
    part text;
begin
    if (select relkind <> 'p' from pg_class where oid = 'reading'::regclass) then
        return;
    end if;
    for day in
        select distinct d from unnest(days) d
        where to_regclass('reading_' || to_char(d, 'YYYYMMDD')) is null order by d
    loop
        perform pg_advisory_xact_lock(112654532542466);  -- 0x66756D65_0002: one at a time
        foreach cut in array array['reading', 'rollup_10m'] loop
            part := cut || '_' || to_char(day, 'YYYYMMDD');
            continue when to_regclass(part) is not null;  -- somebody else was first
            -- Made, then attached: `partition of` would lock readers and writers of all days out.
            execute format('create table %I (like %I including defaults) with (fillfactor = %s)',
                part, cut, case cut when 'reading' then 100 else 70 end);  -- roll-ups: in place
            execute format('alter table %I attach partition %I for values from (%L) to (%L)',
                cut, part, day::timestamp at time zone 'UTC',
                (day + 1)::timestamp at time zone 'UTC');
            return next part;
        end loop;
    end loop;
end $$;

-- Drops the oldest partition or chunk that ends at the start of `before` or earlier, and says which;
-- null: there is none. One a transaction, and one that waits for a moment only: whoever waits for
-- the lock that a drop needs holds up all others who come after it.
create function drop_oldest_day(before date) returns text language plpgsql security definer
set lock_timeout = '200ms' as $$
declare
    midnight constant timestamptz := before::timestamp at time zone 'UTC';
    oldest record;
begin
    if (select relkind = 'p' from pg_class where oid = 'reading'::regclass) then
        select c.relname as name into oldest
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent in ('reading'::regclass, 'rollup_10m'::regclass)
            and right(c.relname, 8) < to_char(before, 'YYYYMMDD')
        order by right(c.relname, 8), c.relname limit 1;
        if oldest.name is not null then
            execute format('drop table %I', oldest.name);
        end if;
        return oldest.name;
    end if;
    select chunk_name as name, hypertable_name as cut, range_end as ends into oldest
    from timescaledb_information.chunks
    where hypertable_schema = current_schema()
        and hypertable_name in ('reading', 'rollup_10m') and range_end <= midnight
    order by range_end, hypertable_name limit 1;
    if oldest.name is not null then
        perform drop_chunks(oldest.cut::regclass, older_than => oldest.ends);
    end if;
    return oldest.name;
end $$;

-- TimescaleDB's columnstore as configured; true: it was set now. Days are dropped by our own job on
-- every engine: TimescaleDB's retention would go by the server's clock alone, right or wrong.
create function set_columnstore(compress_after interval) returns boolean language plpgsql
security definer as $$
declare
    cut text;
    current_after interval;
    has_changed boolean := false;
begin
    foreach cut in array array['reading', 'rollup_10m'] loop
        if not (select compression_enabled from timescaledb_information.hypertables
                where hypertable_schema = current_schema() and hypertable_name = cut) then
            execute format('alter table %I set (timescaledb.compress,'
                ' timescaledb.compress_segmentby = ''monitor_id'','
                ' timescaledb.compress_orderby = %L)', cut,
                case cut when 'reading' then 'measured_at' else 'bucket' end);
        end if;
        perform remove_retention_policy(cut::regclass, if_exists => true);
        select (config ->> 'compress_after')::interval into current_after
        from timescaledb_information.jobs
        where hypertable_schema = current_schema() and hypertable_name = cut
            and proc_name = 'policy_compression';
        if current_after is distinct from compress_after then
            perform remove_compression_policy(cut::regclass, if_exists => true);
            perform add_compression_policy(cut::regclass, compress_after);
            has_changed := true;
        end if;
    end loop;
    return has_changed;
end $$;

revoke all on function make_days, drop_oldest_day, set_columnstore from public;

-- Whatever a caller's path says, they act on these tables: never on one that he put before them.
do $$
declare
    path constant text := concat_ws(', ', quote_ident(current_schema()),
        (select quote_ident(nspname) from pg_extension e join pg_namespace n on n.oid = extnamespace
         where extname = 'timescaledb' and nspname <> current_schema()), 'pg_temp');
begin
    execute 'alter function make_days set search_path = ' || path;
    execute 'alter function drop_oldest_day set search_path = ' || path;
    execute 'alter function set_columnstore set search_path = ' || path;
end $$;

-- A claim whose sending has begun may have been sent; one that has not is anybody's once its holder
-- leads no more.
alter table outbox add column begun_at timestamptz;

create table judged_mark (                        -- all minutes before it are judged
    only_row boolean primary key default true check (only_row),
    judged_to timestamptz not null
) with (fillfactor = 50);                         -- updated in place each minute

create table backup_mark (                        -- the last backup that is whole
    only_row boolean primary key default true check (only_row),
    made_at timestamptz not null
);
