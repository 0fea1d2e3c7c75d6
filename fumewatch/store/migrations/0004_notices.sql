-- Who was told what, and what people did about it: contacts, silences, actions, photos, links.

create table contact (                            -- of one site, one vendor or one street
    id int generated always as identity primary key,
    site_id int references site on delete cascade,
    vendor text,
    street text,
    name text not null,
    email text not null default '',
    phone text not null default '',
    account text not null default '',             -- whom a bot mentions: a user id of its platform
    language text not null default 'zh' check (language in ('zh', 'en', 'both')),
    check (num_nonnulls(site_id, vendor, street) = 1)
);
create unique index contact_once on contact (site_id, vendor, street, name) nulls not distinct;

create table silence (                            -- ended early by ended_at; never deleted
    id bigint generated always as identity primary key,
    matchers jsonb not null,                      -- core.routing.Matchers
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    reason text not null,
    author text not null,
    created_at timestamptz not null,
    ended_at timestamptz,
    ended_by text,
    check (starts_at < ends_at),
    check ((ended_at is null) = (ended_by is null))
);
create index silence_by_end on silence (ends_at);

create table action (                             -- append-only: what people, and steps of escalation, did
    id bigint generated always as identity primary key,
    alert_id uuid not null references alert,
    at timestamptz not null,
    kind text not null,                           -- core.followup.action.ActionKind
    actor text not null,                          -- who, as they call themselves; '' for fumewatch
    addressee text not null default '',           -- whose link it was, as core.notice.Addressee says
    via text not null check (via in ('link', 'page', 'command', 'fumewatch')),
    note text not null default '',
    detail jsonb not null default '{}'
);
create index action_by_alert on action (alert_id, id);
create index action_by_time on action (at);
create trigger action_is_append_only
    before update or delete or truncate on action
    for each statement execute function refuse_change();

create table photo (                              -- proof that goes with an action, made anew by us
    id uuid primary key,
    action_id bigint not null references action,
    media_type text not null,
    content bytea not null,
    width int not null,
    height int not null
);
create index photo_by_action on photo (action_id);

create table link_revoked (                       -- links signed before `at` open nothing any more
    alert_id uuid not null references alert,
    addressee text not null,
    at timestamptz not null,
    actor text not null,
    primary key (alert_id, addressee)
);

create table told (                               -- what a receiver's people know of an alert
    receiver text not null,
    addressee text not null default '',
    alert_id uuid not null references alert,
    state text not null check (state in ('firing', 'resolved')),
    at timestamptz not null,                      -- last, repeats included
    primary key (alert_id, receiver, addressee)
);
create index told_firing on told (alert_id) where state = 'firing';
insert into told (receiver, alert_id, state, at)
select distinct on (o.receiver, o.alert_id) o.receiver, o.alert_id, t.after, o.created_at
from outbox o
join alert a on a.id = o.alert_id and a.state <> 'resolved'
join transition t on t.id = o.transition_id and t.after = 'firing'
order by o.receiver, o.alert_id, t.id desc;

-- A notification may be of many alerts: it belongs to a thread, in which messages go in order.
alter table outbox rename column alert_id to thread;  -- the alert, or the group
alter table outbox drop constraint outbox_alert_id_fkey;
alter table outbox
    alter column transition_id drop not null,     -- null: not of one transition alone
    add column addressee text not null default '',
    add column reason text not null default 'transition',  -- core.notice.Reason
    add column merged_into bigint references outbox,  -- the one message a storm was turned into
    drop constraint outbox_state_check,
    add constraint outbox_state_check check (state in ('due', 'sent', 'failed', 'merged')),
    add constraint outbox_merged_check check ((state = 'merged') = (merged_into is not null));
create index outbox_merged on outbox (merged_into) where merged_into is not null;
create index outbox_merged_thread on outbox (thread, receiver) where merged_into is not null;
create index outbox_settled on outbox (settled_at) where settled_at is not null;
create index outbox_by_receiver on outbox (receiver, state, settled_at)
    where settled_at is not null;             -- else the planner would seek what is due by it
-- The notices of an alert: store.pages.alerts asks with the same expression.
create index outbox_by_alert on outbox
    using gin (jsonb_path_query_array(body, '$.alerts[*].id') jsonb_path_ops)
    where transition_id is null;
