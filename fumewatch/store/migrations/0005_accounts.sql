-- Who may log in, their sessions, tokens of programs. Passwords, ids of sessions, tokens and links of
-- invitation are kept as hashes only.

create table account (                            -- whom `fumewatch user` calls a user
    id int generated always as identity primary key,
    name text not null unique check (name = lower(name)),
    display_name text not null default '',
    role text not null check (role in ('viewer', 'inspector', 'admin')),
    language text check (language in ('zh', 'en')),  -- null: what the browser asks for
    password_hash text,                           -- argon2id; null: invited, none chosen yet
    password_changed_at timestamptz,
    disabled_at timestamptz,
    created_at timestamptz not null,
    check ((password_hash is null) = (password_changed_at is null))
);

create table invitation (                         -- to choose a password, once
    account_id int primary key references account on delete cascade,
    hash bytea not null unique,                   -- SHA-256 of the link's secret
    expires_at timestamptz not null
);

create table session (                            -- kept some weeks beyond its end: who was in, from where
    hash bytea primary key,                       -- SHA-256 of the cookie
    id bigint generated always as identity unique,
    account_id int not null references account on delete cascade,
    address text not null,
    agent text not null,
    created_at timestamptz not null,
    seen_at timestamptz not null,                 -- to the minute
    ended_at timestamptz
);
create index session_by_account on session (account_id, address);

create table login_failure (                      -- also of names that nobody has
    name_hash bytea not null,                     -- SHA-256: people type passwords into the wrong field
    address text not null,
    count int not null,
    last_at timestamptz not null,
    primary key (name_hash, address)
);

create table token (                              -- of programs; never deleted, so that a name stays known
    id int generated always as identity primary key,
    name text not null,
    hash bytea not null unique,                   -- SHA-256
    scopes text[] not null check (scopes <@ array['read', 'act', 'metrics'] and scopes <> '{}'),
    created_at timestamptz not null,
    expires_at timestamptz,                       -- null: until it is revoked
    used_at timestamptz,                          -- to the minute
    revoked_at timestamptz
);
create unique index token_once on token (name) where revoked_at is null;

create table account_change (                     -- append-only: what was done to accounts and tokens, by whom
    id bigint generated always as identity primary key,
    at timestamptz not null,
    actor text not null,
    what text not null,                           -- core.access.Change
    subject text not null,                        -- the account's or the token's name
    detail jsonb not null default '{}'
);
create index account_change_by_subject on account_change (subject, id);
create trigger account_change_is_append_only
    before update or delete or truncate on account_change
    for each statement execute function refuse_change();

-- Programs act too, with a token.
alter table action
    drop constraint action_via_check,
    add constraint action_via_check check (via in ('link', 'page', 'api', 'command', 'fumewatch'))
        not valid;                                -- no look at old rows: they pass the narrower one
