-- Roles with the least rights; indexes for what is cleared away.

create table judged_mark (                        -- all minutes before it are judged
    only_row boolean primary key default true check (only_row),
    judged_to timestamptz not null
) with (fillfactor = 50);                         -- updated in place each minute
