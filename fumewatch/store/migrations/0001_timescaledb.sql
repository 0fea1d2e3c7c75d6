-- TimescaleDB: hypertables of one day a chunk. What only its Community licence allows (columnstore,
-- retention) is set from the configuration by partitions.apply_policies.
select create_hypertable('reading', 'measured_at',
    chunk_time_interval => interval '1 day', create_default_indexes => false);
select create_hypertable('rollup_10m', 'bucket',
    chunk_time_interval => interval '1 day', create_default_indexes => false);
