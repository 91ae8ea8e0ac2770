-- Row-level security: optional, in addition to the gateway's own row policy, for the setting ODATA_RLS=true.
--
--     psql -v ON_ERROR_STOP=1 -d live_agent -f rls.sql                        after roles.sql, for its role odata_reader
--     psql -v reader=NAME ...                                                 another name
--     psql -v rls=off ...                                                     takes everything away again
--
-- Run it as the tables' owner or a superuser; running it again is harmless. With the setting, each transaction of the gateway begins with
-- SET LOCAL odata.accounts = '{1,2}', the caller's accounts, and Postgres itself shows the reader rows of these accounts only; without it the reader
-- sees nothing. All other roles see what they saw before: the policies that narrow are for the reader alone. Measured on the sample: 0.1 ms more a
-- request; labels of conversations, whose link tables have no account, take 1.6 times as long.
--
-- An access token is looked up before any account is known. For that there is one function, which tells a caller's accounts and nothing else;
-- the reader loses its right to read the table of tokens.

\if :{?reader} \else \set reader odata_reader \endif
\if :{?rls} \else \set rls on \endif

\set ON_ERROR_STOP on
DO $$ BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        RAISE EXCEPTION 'Citus is installed in this database, and it allows no policies with subqueries on distributed tables'
            USING HINT = 'leave ODATA_RLS false: the service''s own row policy is in every statement';
    END IF;
END $$;

BEGIN;

CREATE TEMPORARY TABLE odata_walls (relation, visible) ON COMMIT DROP AS VALUES
    ('messages', 'account_id = ANY (ACCOUNTS)'),
    ('conversations', 'account_id = ANY (ACCOUNTS)'),
    ('inboxes', 'account_id = ANY (ACCOUNTS)'),
    ('labels', 'account_id = ANY (ACCOUNTS)'),
    ('account_users', 'account_id = ANY (ACCOUNTS)'),
    -- tables without an account are as visible as what they belong to; each subquery obeys the policies above
    ('users', 'EXISTS (SELECT FROM public.account_users AS m WHERE m.user_id = users.id)'),
    ('inbox_members', 'EXISTS (SELECT FROM public.inboxes AS i WHERE i.id = inbox_members.inbox_id)'),
    ('taggings', 'taggable_type = ''Conversation'' AND EXISTS (SELECT FROM public.conversations AS c WHERE c.id = taggings.taggable_id)'),
    ('tags', 'EXISTS (SELECT FROM public.taggings AS g WHERE g.tag_id = tags.id)'),
    ('access_tokens', 'false');

-- A subquery, so that the setting is read once for a statement and not for each row. It is empty, not null, after the first transaction.
UPDATE odata_walls SET visible = replace(visible, 'ACCOUNTS',
    '(SELECT nullif(pg_catalog.current_setting(''odata.accounts'', true), '''')::pg_catalog.int8[])::pg_catalog.int8[]');

SELECT format('DROP POLICY IF EXISTS odata_others ON public.%1$I; DROP POLICY IF EXISTS odata_accounts ON public.%1$I;', relation)
FROM odata_walls JOIN pg_catalog.pg_class ON relname = relation AND relnamespace = 'public'::regnamespace \gexec

\if :rls
    -- Permissive for everyone, restrictive for the reader: no other role loses a row.
    SELECT format('ALTER TABLE public.%1$I ENABLE ROW LEVEL SECURITY;'
                  'CREATE POLICY odata_others ON public.%1$I USING (true) WITH CHECK (true);'
                  'CREATE POLICY odata_accounts ON public.%1$I AS RESTRICTIVE FOR SELECT TO %2$I USING (%3$s);', relation, :'reader', visible)
    FROM odata_walls JOIN pg_catalog.pg_class ON relname = relation AND relnamespace = 'public'::regnamespace \gexec

    CREATE OR REPLACE FUNCTION public.odata_caller(token text, roles integer[], OUT user_id bigint, OUT accounts bigint[])
        RETURNS SETOF record LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT u.id::int8,
               ARRAY(SELECT DISTINCT m.account_id::int8 FROM public.account_users AS m
                     WHERE m.user_id = u.id AND m.account_id IS NOT NULL AND m.role = ANY (odata_caller.roles) ORDER BY 1)
        FROM public.access_tokens AS t JOIN public.users AS u ON u.id = t.owner_id
        WHERE t.token = odata_caller.token AND t.owner_type = 'User';
    END;
    REVOKE ALL ON FUNCTION public.odata_caller(text, integer[]) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION public.odata_caller(text, integer[]) TO :"reader";
    REVOKE SELECT (owner_type, owner_id, token) ON public.access_tokens FROM :"reader";
\else
    SELECT format('ALTER TABLE public.%1$I DISABLE ROW LEVEL SECURITY;', relation)
    FROM odata_walls JOIN pg_catalog.pg_class ON relname = relation AND relnamespace = 'public'::regnamespace
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = pg_class.oid) \gexec
    DROP FUNCTION IF EXISTS public.odata_caller(text, integer[]);
    GRANT SELECT (owner_type, owner_id, token) ON public.access_tokens TO :"reader";
\endif

COMMIT;
