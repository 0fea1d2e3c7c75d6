-- Roles with the least rights; indexes for what is cleared away.

-- A claim whose sending has begun may have been sent; one that has not is anybody's once its holder leads no more.
alter table outbox add column begun_at timestamptz;
