"""Steps from one schema to the next, and the rule for whoever writes the next one.

The rule: ingest goes on meanwhile, and no statement of its waits for more than a second.

1. A revision is a transaction. Every lock it takes it keeps to its end; and whoever wants a lock
   that conflicts with one it waits for waits, too. So a statement waits for a lock for LOCK_MS at
   most; then the revision is rolled back and tried again after a pause (migrate.py).
2. What needs ACCESS EXCLUSIVE (most of `alter table`, `create trigger`: SHARE ROW EXCLUSIVE) must
   be over at once: a column without a default or with a constant one, a check `not valid`,
   a foreign key `not valid`. No scan, no rewrite, no filling in the same revision: write another
   revision that does that, in batches with a commit after each (alembic's `autocommit_block`), and
   a third that makes it compulsory (`validate constraint` takes a lock that nobody minds).
3. An index on a table that has rows: `raw.index`, which builds it concurrently, outside of any
   transaction. It comes first in its revision: one that is killed or locked out begins anew, and
   while an index that is there is passed by, what was committed before it would be done twice.
4. `reading` and `rollup_10m` are cut into days. Concurrently no index can be made on the whole:
   on PostgreSQL `create index ... on only reading`, then `raw.index` on each partition and
   `alter index ... attach partition`; on TimescaleDB
   `create index ... with (timescaledb.transaction_per_chunk)`.
5. On tables that stay small (sites, outlets, contacts, silences, daemons, marks: some 10,000 rows)
   a plain statement is short enough. Say so beside it.
6. What is new is named in store/rights.py: who may do what with it.

tests/store/test_migrate_filled.py upgrades a filled database under load and measures what waits.
"""
