-- Live Agent's tables on Citus, distributed by account: what belongs to an account lies together on one server. For ODATA_SHARDED=true.
--
--     psql -v ON_ERROR_STOP=1 -d live_agent -f citus.sql      on the coordinator, as a superuser, with Citus 11 or newer; 13.1 or newer is better
--     psql -v reader=NAME ...                                 another role than odata_reader
--     psql -v local_rows=drop ...                             also removes the rows that the coordinator still has of the tables (see below)
--
-- Before it: CREATE EXTENSION citus, citus_set_coordinator_host(...), citus_add_node(...), and roles.sql, whose rights on columns this file
-- gives to the shards as well. After it: indexes.sql. docs/operate.md has every command. It copies the tables, and nobody can write meanwhile.
-- Running it again is harmless. Citus before 13.1 does not give a moved or split shard the rights on columns, so there this file must be run
-- again each time: until then the accounts in the shard are locked out (403), and `odata-gateway check` says so.
--
-- The coordinator connects to the workers as the reader: each must let it in (pg_hba.conf). With a password, each node that the gateway connects
-- to must know it: INSERT INTO pg_dist_authinfo VALUES (0, 'odata_reader', 'password=secret');
--
-- A distributed table's rows stay on the coordinator's disk a second time, where nobody reads them; Citus says so in a NOTICE for each table.
-- With local_rows=drop they are truncated, once the shards have them.
--
-- Three things are as Citus wants them, and differ from Live Agent's own schema:
--   * Primary keys and unique indexes begin with the account: (account_id, id). Ids stay unique as long as they come from their sequences.
--   * labels.account_id gets the type that messages.account_id has: tables lie together only if the types agree. Labels without an account,
--     which nobody sees, are moved to the table labels_without_account: a distributed row needs one.
--   * The trigger that numbers new conversations is taken away, because it would run on the shards, where its sequences are not. Whoever
--     writes must give display_id.
-- rls.sql cannot be used: its policies have subqueries, which Citus does not allow on distributed tables.

\if :{?reader} \else \set reader odata_reader \endif
\if :{?local_rows} \else \set local_rows keep \endif
SELECT pg_catalog.set_config('odata.reader', :'reader', false) \g /dev/null

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = 'create_distributed_table') THEN
        RAISE EXCEPTION 'Citus is not installed in this database' USING HINT = 'CREATE EXTENSION citus, and add the workers';
    END IF;
END $$;

CREATE TEMPORARY TABLE odata_shards (relation, kind, place) AS VALUES
    ('users', 'reference', 1), ('account_users', 'reference', 2), ('access_tokens', 'reference', 3),
    ('inbox_members', 'reference', 4), ('taggings', 'reference', 5), ('tags', 'reference', 6),
    ('messages', 'distributed', 7), ('conversations', 'distributed', 8), ('inboxes', 'distributed', 9), ('labels', 'distributed', 10);

-- What is neither hashed nor a reference table yet. (Citus may know tables because of foreign keys, and leave them where they are.)
CREATE TEMPORARY TABLE odata_new AS
    SELECT relation, kind, place, oid FROM odata_shards
    JOIN pg_catalog.pg_class ON relname = relation AND relnamespace = 'public'::regnamespace
    WHERE NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = pg_class.oid AND (partmethod = 'h' OR repmodel = 't'));

SELECT 'CREATE TABLE IF NOT EXISTS public.labels_without_account (LIKE public.labels);'
       'WITH moved AS (DELETE FROM public.labels WHERE account_id IS NULL RETURNING *) '
       'INSERT INTO public.labels_without_account SELECT * FROM moved'
FROM odata_new WHERE relation = 'labels' AND EXISTS (SELECT 1 FROM public.labels WHERE account_id IS NULL) \gexec

SELECT format('ALTER TABLE public.%I ALTER COLUMN account_id TYPE %s', relation, pg_catalog.format_type(m.atttypid, m.atttypmod))
FROM odata_new
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = oid AND a.attname = 'account_id'
JOIN pg_catalog.pg_attribute AS m ON m.attrelid = 'public.messages'::regclass AND m.attname = 'account_id'
WHERE kind = 'distributed' AND a.atttypid <> m.atttypid \gexec

-- Keys: the account first.
SELECT CASE WHEN k.conname IS NULL
    THEN format('DROP INDEX public.%1$I; CREATE UNIQUE INDEX %1$I ON public.%2$I (account_id, %3$s)', i.relname, relation, c.names)
    ELSE format('ALTER TABLE public.%1$I DROP CONSTRAINT %2$I, ADD CONSTRAINT %2$I %3$s (account_id, %4$s)', relation, k.conname,
                CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, c.names) END
FROM odata_new
JOIN pg_catalog.pg_index AS x ON x.indrelid = oid AND x.indisunique AND x.indpred IS NULL AND x.indexprs IS NULL
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = i.oid AND k.contype IN ('p', 'u')
CROSS JOIN LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n.place) AS names,
                           bool_or(a.attname = 'account_id') AS has_account
                    FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS n (number, place)
                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = n.number) AS c
WHERE kind = 'distributed' AND NOT c.has_account \gexec

SELECT 'DROP TRIGGER IF EXISTS conversations_before_insert_row_tr ON public.conversations'
FROM odata_new WHERE relation = 'conversations' \gexec

-- Reference tables have a copy on every server; of the others, those of one account lie together.
SELECT CASE kind WHEN 'reference' THEN format('SELECT create_reference_table(%L)', 'public.' || relation)
    ELSE format('SELECT create_distributed_table(%L, ''account_id'', colocate_with => %L)', 'public.' || relation,
                CASE relation WHEN 'messages' THEN 'none' ELSE 'public.messages' END) END
FROM odata_new ORDER BY place \gexec

-- Foreign keys between the tables would truncate more than one at a time, and Citus refuses what would truncate a table that is not distributed.
SELECT format('SELECT truncate_local_data_after_distributing_table(%L)', 'public.' || relation)
FROM odata_new WHERE :'local_rows' = 'drop' ORDER BY place DESC \gexec

-- What the role may read of the tables, it may read of their shards and copies. (Citus 13.1 and newer have seen to that.)
DO $$
DECLARE
    given record;
    failed record;
BEGIN
    FOR given IN
        SELECT a.attrelid::regclass AS relation,
               format('GRANT SELECT (%s) ON TABLE %%s TO %I', string_agg(quote_ident(a.attname), ', '),
                      current_setting('odata.reader')) AS command
        FROM odata_shards
        JOIN pg_catalog.pg_class ON relname = relation AND relnamespace = 'public'::regnamespace
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = pg_class.oid AND a.attnum > 0 AND NOT a.attisdropped
        CROSS JOIN LATERAL aclexplode(a.attacl) AS acl
        WHERE acl.grantee = to_regrole(quote_ident(current_setting('odata.reader'))) AND acl.privilege_type = 'SELECT'
        GROUP BY a.attrelid
    LOOP
        SELECT * INTO failed FROM run_command_on_placements(given.relation, given.command) WHERE NOT success LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION '% on %:%: %', given.relation, failed.nodename, failed.nodeport, failed.result;
        END IF;
        -- Workers have the tables' names as well, so that any of them answers queries.
        SELECT * INTO failed FROM run_command_on_workers(format(
            'DO $odata$ BEGIN SET LOCAL citus.enable_ddl_propagation = off; EXECUTE %L; END $odata$', format(given.command, given.relation)
        )) WHERE NOT success LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION '% on %:%: %', given.relation, failed.nodename, failed.nodeport, failed.result;
        END IF;
    END LOOP;
END $$;

-- The gateway's settings reach the coordinator only; rows become texts on the workers, where the role brings its own. So nothing that a user of the
-- database creates can take the place of an operator or function there either.
ALTER ROLE :"reader" SET search_path = pg_catalog, pg_temp;
ALTER ROLE :"reader" SET jit = off;
ALTER ROLE :"reader" SET "DateStyle" = 'ISO, MDY';
ALTER ROLE :"reader" SET "TimeZone" = 'UTC';
ALTER ROLE :"reader" SET "IntervalStyle" = 'postgres';
ALTER ROLE :"reader" SET extra_float_digits = 1;
ALTER ROLE :"reader" SET bytea_output = 'hex';

DROP TABLE odata_new, odata_shards;
