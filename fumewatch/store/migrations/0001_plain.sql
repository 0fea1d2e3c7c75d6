-- PostgreSQL: native partitions by day of UTC, made by partitions.ensure, dropped by drop_before.
alter table reading rename to shape;
create table reading (like shape including defaults) partition by range (measured_at);
drop table shape;
alter table reading add primary key (monitor_id, measured_at);

alter table rollup_10m rename to shape;
create table rollup_10m (like shape including defaults) partition by range (bucket);
drop table shape;
alter table rollup_10m add primary key (monitor_id, bucket);
