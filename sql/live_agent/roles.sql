-- A role that can read what the service needs, and nothing else: it limits what any statement can read, in addition to the service's own row policy.
--
--     psql -v ON_ERROR_STOP=1 -d live_agent -f roles.sql                      role odata_reader, may log in, no password set
--     READER_PASSWORD=... psql ... -f roles.sql                        the same with a password, which never stands on a command line
--     psql -v reader=NAME ...                                                 another name
--     psql -v login=off ...                                                   a group role, to grant to a login role of your own
--     psql -v secrets=on ...                                                  also the secret columns of users, for the setting that exposes them
--
-- Run it as the tables' owner or a superuser; running it again is harmless, and after an upgrade of Live Agent it grants what came new.
-- Grants are by column. A column this database lacks is left out, so the file fits every version. With Citus before 13.1, run citus.sql behind it:
-- there the grants of this file reach the coordinator only.

\if :{?reader} \else \set reader odata_reader \endif
\if :{?login} \else \set login on \endif
\if :{?secrets} \else \set secrets off \endif
\getenv password READER_PASSWORD

SELECT format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', :'reader')
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = :'reader') \gexec
\if :login
    ALTER ROLE :"reader" LOGIN;
\endif
\if :{?password}
    ALTER ROLE :"reader" PASSWORD :'password';
\endif

-- The service sets these for each connection too; here they hold for every program that uses the role.
ALTER ROLE :"reader" SET default_transaction_read_only = on;
ALTER ROLE :"reader" SET statement_timeout = '5min';
ALTER ROLE :"reader" SET lock_timeout = '10s';
ALTER ROLE :"reader" SET idle_in_transaction_session_timeout = '1min';
ALTER ROLE :"reader" SET random_page_cost = 1.1;

-- A server that logs slow statements logs their parameters too, and the token is one of the lookup's. Only a superuser can say so for a role.
SELECT format('ALTER ROLE %I SET %I = 0', :'reader', name) FROM pg_catalog.pg_settings
WHERE name IN ('log_parameter_max_length', 'log_parameter_max_length_on_error') AND current_setting('is_superuser') = 'on' \gexec

SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'reader') \gexec
GRANT USAGE ON SCHEMA public TO :"reader";

CREATE TEMPORARY TABLE odata_wanted (relation, columns) AS VALUES
    -- who asks: the token, its owner, the owner's accounts
    ('access_tokens', 'owner_type owner_id token'),
    ('account_users', 'account_id user_id role'),
    -- the five collections
    ('messages', 'id content account_id inbox_id conversation_id message_type created_at updated_at private status source_id content_type '
        'content_attributes sender_type sender_id external_source_ids'),
    ('conversations', 'id account_id inbox_id status assignee_id created_at updated_at contact_id display_id contact_last_seen_at '
        'agent_last_seen_at additional_attributes contact_inbox_id uuid identifier last_activity_at team_id campaign_id snoozed_until '
        'custom_attributes assignee_last_seen_at'),
    ('inboxes', 'id channel_id name account_id created_at updated_at channel_type enable_auto_assignment greeting_enabled greeting_message '
        'email_address working_hours_enabled out_of_office_message timezone enable_email_collect csat_survey_enabled '
        'cognigy_organization_id cognigy_project_id enable_auto_reassignment conversation_show_all'),
    ('labels', 'id title description color show_on_sidebar account_id created_at updated_at'),
    ('users', 'id provider uid reset_password_sent_at remember_created_at sign_in_count current_sign_in_at last_sign_in_at '
        'current_sign_in_ip last_sign_in_ip confirmed_at confirmation_sent_at unconfirmed_email name display_name email created_at '
        'updated_at availability ui_settings custom_attributes cognigy_user_id'),
    -- the tables between them
    ('inbox_members', 'inbox_id user_id'),
    ('taggings', 'tag_id taggable_type taggable_id context'),
    ('tags', 'id name');
\if :secrets
    INSERT INTO odata_wanted VALUES ('users', 'encrypted_password reset_password_token confirmation_token tokens pubsub_token');
\endif

-- Citus before 13.1 refuses GRANT ... (columns) on a distributed table, unless it stays on the coordinator.
SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus'
               AND string_to_array(split_part(extversion, '-', 1), '.')::int4[] < '{13,1}') AS citus_refuses \gset
\if :citus_refuses
    SET citus.enable_ddl_propagation = off;
\endif

SELECT format('GRANT SELECT (%s) ON public.%I TO %I', string_agg(quote_ident(attname), ', ' ORDER BY attnum), relname, :'reader')
FROM odata_wanted
JOIN pg_catalog.pg_class ON relname = relation AND relnamespace = 'public'::regnamespace
JOIN pg_catalog.pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    AND attname = ANY (string_to_array(columns, ' '))
GROUP BY relname \gexec

\if :citus_refuses
    RESET citus.enable_ddl_propagation;
\endif
DROP TABLE odata_wanted;
