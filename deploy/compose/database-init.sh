#!/bin/sh
# Run once, by the database's image, when its volume is empty: the three roles and the database.
# What writer and reader may do, `fumewatch roles apply` says.
set -eu
secret() { cat "/run/secrets/database_$1_password"; }

psql -v ON_ERROR_STOP=1 --username postgres --dbname postgres \
    -v owner="$(secret owner)" -v writer="$(secret writer)" -v reader="$(secret reader)" <<'SQL'
create role fumewatch_owner login password :'owner';
create role fumewatch login password :'writer' connection limit 60;
create role fumewatch_reader login password :'reader' connection limit 20;
alter role fumewatch_reader set default_transaction_read_only = on;
alter role fumewatch_reader set statement_timeout = '30s';
create database fumewatch owner fumewatch_owner;
revoke all on database fumewatch from public;
grant connect on database fumewatch to fumewatch, fumewatch_reader;
\connect fumewatch
create extension if not exists timescaledb;
SQL
