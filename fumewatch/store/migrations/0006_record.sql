-- The record of what was judged and done, chained: each entry's hash covers its row and the hash
-- before it (core.record), so nothing can be changed, left out or slipped in without being seen.

create table record (
    seq bigint primary key,                       -- from 1, without a gap
    transition_id bigint,
    action_id bigint,
    photo_id uuid,
    hash bytea not null,                          -- SHA-256
    check (num_nonnulls(transition_id, action_id, photo_id) = 1)
);
create unique index record_of_transition on record (transition_id) where transition_id is not null;
create unique index record_of_action on record (action_id) where action_id is not null;
create unique index record_of_photo on record (photo_id) where photo_id is not null;

create trigger record_is_append_only
    before update or delete or truncate on record
    for each statement execute function refuse_change();
create trigger photo_is_append_only
    before update or delete or truncate on photo
    for each statement execute function refuse_change();

-- What an entry's hash covers, of each kind of row: each field as its length in bytes, a colon, its
-- text; one that is null as '-'. (PL/pgSQL keeps the plan; SQL would plan anew for each row.)
-- store.record selects the same, core.record puts it together.
create function netstring(field text) returns text immutable language sql
return coalesce(octet_length(field) || ':' || field, '-');

create function recorded(t transition) returns text stable language plpgsql as $$ begin
    return '10:transition' || netstring(t.id::text) || netstring(t.alert_id::text)
    || netstring(t.before) || netstring(t.after)
    || netstring((extract(epoch from t.at) * 1000000)::bigint::text) || netstring(t.reason)
    || netstring(encode(float8send(t.value), 'hex')) || netstring(t.evidence::text);
end $$;

create function recorded(a action) returns text stable language plpgsql as $$ begin
    return '6:action' || netstring(a.id::text) || netstring(a.alert_id::text)
    || netstring((extract(epoch from a.at) * 1000000)::bigint::text) || netstring(a.kind)
    || netstring(a.actor) || netstring(a.addressee) || netstring(a.via) || netstring(a.note)
    || netstring(a.detail::text);
end $$;

create function recorded(p photo) returns text stable language plpgsql as $$ begin
    return '5:photo' || netstring(p.id::text) || netstring(p.action_id::text)
    || netstring(p.media_type) || netstring(encode(sha256(p.content), 'hex'))
    || netstring(p.width::text) || netstring(p.height::text);
end $$;

-- One writer at a time, until its transaction ends: else two entries would follow the same one.
create function append_to_record(t bigint, a bigint, p uuid, told text) returns void
language plpgsql as $$
declare
    seq_before bigint;
    hash_before bytea;
begin
    perform pg_advisory_xact_lock(x'66756D650005'::bigint);
    select r.seq, r.hash into seq_before, hash_before from record r order by r.seq desc limit 1;
    insert into record (seq, transition_id, action_id, photo_id, hash)
    values (coalesce(seq_before, 0) + 1, t, a, p,
        sha256(coalesce(hash_before, '') || convert_to(told, 'UTF8')));
end $$;
revoke execute on function append_to_record from public;

-- With the owner's rights and path: who writes rows has no right on record itself.
create function record_row() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    case tg_table_name
        when 'transition' then perform append_to_record(new.id, null, null, recorded(new));
        when 'action' then perform append_to_record(null, new.id, null, recorded(new));
        when 'photo' then perform append_to_record(null, null, new.id, recorded(new));
    end case;
    return null;
end $$;

-- Rows from before there was a record, in the order of their time. First those that are there, while
-- others go on; then, for a moment alone, what came meanwhile.
create procedure record_older() language plpgsql as $$
begin
    perform append_to_record(transition_id, action_id, photo_id, told) from (
        select t.at, 1 as kind, t.id as transition_id, null::bigint as action_id,
            null::uuid as photo_id, recorded(t) as told
        from transition t
        where not exists (select from record r where r.transition_id = t.id)
        union all
        select a.at, 2, null, a.id, null, recorded(a) from action a
        where not exists (select from record r where r.action_id = a.id)
        union all
        select a.at, 3, null, null, p.id, recorded(p)
        from photo p join action a on a.id = p.action_id
        where not exists (select from record r where r.photo_id = p.id)
        order by at, kind, transition_id, action_id, photo_id) older;
end $$;
call record_older();
analyze record;                                   -- else the moment below takes ten times as long
lock table transition, action, photo in share row exclusive mode;
call record_older();
drop procedure record_older;

create trigger transition_is_recorded
    after insert on transition for each row execute function record_row();
create trigger action_is_recorded
    after insert on action for each row execute function record_row();
create trigger photo_is_recorded
    after insert on photo for each row execute function record_row();
