-- The tables of Live Agent that the OData service reads: Chatwoot 2.0.2 with Cognigy's five own columns.
--
--     psql -v ON_ERROR_STOP=1 -d live_agent -f schema.sql
--
-- For the demo and the tests; a real installation has these tables already, with more columns in later versions. Names, types, nullability,
-- defaults and indexes are Rails's own. Two things differ on purpose: only tables the service or its token lookup needs are here, and no
-- foreign keys, because later versions dropped nearly all of them and every reference must be read as possibly dangling.
-- Rails writes UTC wall time into `timestamp without time zone`; no column is timestamptz.

CREATE TABLE accounts (
    id                    serial PRIMARY KEY,
    name                  varchar NOT NULL,
    created_at            timestamp NOT NULL,
    updated_at            timestamp NOT NULL,
    locale                integer DEFAULT 0,
    domain                varchar(100),
    support_email         varchar(100),
    settings_flags        integer NOT NULL DEFAULT 0,
    feature_flags         integer NOT NULL DEFAULT 0,
    auto_resolve_duration integer,
    limits                jsonb DEFAULT '{}'
);

CREATE TABLE users (
    id                     serial PRIMARY KEY,
    provider               varchar NOT NULL DEFAULT 'email',
    uid                    varchar NOT NULL DEFAULT '',
    encrypted_password     varchar NOT NULL DEFAULT '',
    reset_password_token   varchar,
    reset_password_sent_at timestamp,
    remember_created_at    timestamp,
    sign_in_count          integer NOT NULL DEFAULT 0,
    current_sign_in_at     timestamp,
    last_sign_in_at        timestamp,
    current_sign_in_ip     varchar,
    last_sign_in_ip        varchar,
    confirmation_token     varchar,
    confirmed_at           timestamp,
    confirmation_sent_at   timestamp,
    unconfirmed_email      varchar,
    name                   varchar NOT NULL,
    display_name           varchar,
    email                  varchar,
    tokens                 json,
    created_at             timestamp NOT NULL,
    updated_at             timestamp NOT NULL,
    pubsub_token           varchar,
    availability           integer DEFAULT 0,
    ui_settings            jsonb DEFAULT '{}',
    custom_attributes      jsonb DEFAULT '{}',
    cognigy_user_id        varchar                               -- Cognigy
);
CREATE INDEX index_users_on_email ON users (email);
CREATE UNIQUE INDEX index_users_on_pubsub_token ON users (pubsub_token);
CREATE UNIQUE INDEX index_users_on_reset_password_token ON users (reset_password_token);
CREATE UNIQUE INDEX index_users_on_uid_and_provider ON users (uid, provider);

CREATE TABLE account_users (
    id           bigserial PRIMARY KEY,
    account_id   bigint,
    user_id      bigint,
    role         integer DEFAULT 0,                              -- 0 agent, 1 administrator
    inviter_id   bigint,
    created_at   timestamp(6) NOT NULL,
    updated_at   timestamp(6) NOT NULL,
    active_at    timestamp,
    availability integer NOT NULL DEFAULT 0,
    auto_offline boolean NOT NULL DEFAULT true
);
CREATE INDEX index_account_users_on_account_id ON account_users (account_id);
CREATE INDEX index_account_users_on_user_id ON account_users (user_id);
CREATE UNIQUE INDEX uniq_user_id_per_account_id ON account_users (account_id, user_id);

CREATE TABLE access_tokens (
    id         bigserial PRIMARY KEY,
    owner_type varchar,                                          -- User, AgentBot, PlatformApp
    owner_id   bigint,
    token      varchar,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL
);
CREATE INDEX index_access_tokens_on_owner_type_and_owner_id ON access_tokens (owner_type, owner_id);
CREATE UNIQUE INDEX index_access_tokens_on_token ON access_tokens (token);

CREATE TABLE inboxes (
    id                       serial PRIMARY KEY,
    channel_id               integer NOT NULL,
    name                     varchar NOT NULL,
    account_id               integer NOT NULL,
    created_at               timestamp NOT NULL,
    updated_at               timestamp NOT NULL,
    channel_type             varchar,
    enable_auto_assignment   boolean DEFAULT true,
    greeting_enabled         boolean DEFAULT false,
    greeting_message         varchar,
    email_address            varchar,
    working_hours_enabled    boolean DEFAULT false,
    out_of_office_message    varchar,
    timezone                 varchar DEFAULT 'UTC',
    enable_email_collect     boolean DEFAULT true,
    csat_survey_enabled      boolean DEFAULT false,
    cognigy_organization_id  varchar,                            -- Cognigy
    cognigy_project_id       varchar,                            -- Cognigy
    enable_auto_reassignment boolean,                            -- Cognigy
    conversation_show_all    boolean                             -- Cognigy
);
CREATE INDEX index_inboxes_on_account_id ON inboxes (account_id);

CREATE TABLE inbox_members (
    id         serial PRIMARY KEY,
    user_id    integer NOT NULL,
    inbox_id   integer NOT NULL,
    created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL
);
CREATE INDEX index_inbox_members_on_inbox_id ON inbox_members (inbox_id);
CREATE UNIQUE INDEX index_inbox_members_on_inbox_id_and_user_id ON inbox_members (inbox_id, user_id);

CREATE TABLE conversations (
    id                    serial PRIMARY KEY,
    account_id            integer NOT NULL,
    inbox_id              integer NOT NULL,
    status                integer NOT NULL DEFAULT 0,            -- 0 open, 1 resolved, 2 pending, 3 snoozed
    assignee_id           integer,
    created_at            timestamp NOT NULL,
    updated_at            timestamp NOT NULL,
    contact_id            bigint,
    display_id            integer NOT NULL,
    contact_last_seen_at  timestamp,
    agent_last_seen_at    timestamp,
    additional_attributes jsonb DEFAULT '{}',
    contact_inbox_id      bigint,
    uuid                  uuid NOT NULL DEFAULT gen_random_uuid(),
    identifier            varchar,
    last_activity_at      timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    team_id               bigint,
    campaign_id           bigint,
    snoozed_until         timestamp,
    custom_attributes     jsonb DEFAULT '{}',
    assignee_last_seen_at timestamp
);
CREATE UNIQUE INDEX index_conversations_on_account_id_and_display_id ON conversations (account_id, display_id);
CREATE INDEX index_conversations_on_account_id ON conversations (account_id);
CREATE INDEX index_conversations_on_assignee_id_and_account_id ON conversations (assignee_id, account_id);
CREATE INDEX index_conversations_on_campaign_id ON conversations (campaign_id);
CREATE INDEX index_conversations_on_contact_inbox_id ON conversations (contact_inbox_id);
CREATE INDEX index_conversations_on_status_and_account_id ON conversations (status, account_id);
CREATE INDEX index_conversations_on_team_id ON conversations (team_id);

-- display_id counts up from 1 within each account.
CREATE FUNCTION accounts_after_insert_row_tr() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SEQUENCE IF NOT EXISTS conv_dpid_seq_%s', NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER accounts_after_insert_row_tr AFTER INSERT ON accounts
    FOR EACH ROW EXECUTE FUNCTION accounts_after_insert_row_tr();

CREATE FUNCTION conversations_before_insert_row_tr() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.display_id := nextval('conv_dpid_seq_' || NEW.account_id);
    RETURN NEW;
END $$;
CREATE TRIGGER conversations_before_insert_row_tr BEFORE INSERT ON conversations
    FOR EACH ROW EXECUTE FUNCTION conversations_before_insert_row_tr();

CREATE TABLE messages (
    id                  serial PRIMARY KEY,
    content             text,
    account_id          integer NOT NULL,
    inbox_id            integer NOT NULL,
    conversation_id     integer NOT NULL,
    message_type        integer NOT NULL,                        -- 0 incoming, 1 outgoing, 2 activity, 3 template
    created_at          timestamp NOT NULL,
    updated_at          timestamp NOT NULL,
    private             boolean DEFAULT false,
    status              integer DEFAULT 0,                       -- 0 sent, 1 delivered, 2 read, 3 failed
    source_id           varchar,
    content_type        integer NOT NULL DEFAULT 0,
    content_attributes  json DEFAULT '{}',                       -- json, not jsonb; Rails stores a JSON string in it
    sender_type         varchar,
    sender_id           bigint,
    external_source_ids jsonb DEFAULT '{}'                       -- Rails stores a JSON string in it
);
CREATE INDEX index_messages_on_account_id ON messages (account_id);
CREATE INDEX index_messages_on_conversation_id ON messages (conversation_id);
CREATE INDEX index_messages_on_inbox_id ON messages (inbox_id);
CREATE INDEX index_messages_on_sender_type_and_sender_id ON messages (sender_type, sender_id);
CREATE INDEX index_messages_on_source_id ON messages (source_id);

CREATE TABLE labels (
    id              bigserial PRIMARY KEY,
    title           varchar,
    description     text,
    color           varchar NOT NULL DEFAULT '#1f93ff',
    show_on_sidebar boolean,
    account_id      bigint,
    created_at      timestamp(6) NOT NULL,
    updated_at      timestamp(6) NOT NULL
);
CREATE INDEX index_labels_on_account_id ON labels (account_id);
CREATE UNIQUE INDEX index_labels_on_title_and_account_id ON labels (title, account_id);

CREATE TABLE tags (
    id             serial PRIMARY KEY,
    name           varchar,
    taggings_count integer DEFAULT 0                             -- over all accounts: never shown
);
CREATE UNIQUE INDEX index_tags_on_name ON tags (name);

CREATE TABLE taggings (
    id            serial PRIMARY KEY,
    tag_id        integer,
    taggable_type varchar,
    taggable_id   integer,
    tagger_type   varchar,
    tagger_id     integer,
    context       varchar(128),
    created_at    timestamp
);
-- Unique, yet duplicates exist: tagger_id and tagger_type are null in Live Agent's rows, and nulls are distinct.
CREATE UNIQUE INDEX taggings_idx ON taggings (tag_id, taggable_id, taggable_type, context, tagger_id, tagger_type);
CREATE INDEX taggings_idy ON taggings (taggable_id, taggable_type, tagger_id, context);
CREATE INDEX index_taggings_on_context ON taggings (context);
CREATE INDEX index_taggings_on_tag_id ON taggings (tag_id);
CREATE INDEX index_taggings_on_taggable_id ON taggings (taggable_id);
CREATE INDEX index_taggings_on_taggable_id_and_taggable_type_and_context ON taggings (taggable_id, taggable_type, context);
CREATE INDEX index_taggings_on_taggable_type ON taggings (taggable_type);
CREATE INDEX index_taggings_on_tagger_id ON taggings (tagger_id);
CREATE INDEX index_taggings_on_tagger_id_and_tagger_type ON taggings (tagger_id, tagger_type);
