-- Data for the benchmark: 3 accounts, 500 users, 50 inboxes, 200 labels, 100,000 conversations and 1,000,000 messages; about a minute.
--
--     psql -v ON_ERROR_STOP=1 -d live_agent -f bench.sql                     behind schema.sql, before indexes.sql and roles.sql
--     psql -v messages=100000 ...                                            another number of messages; a tenth as many conversations
--
-- The same rows at every load and on every version: what looks random is a hash of the row's number. A message is about 460 bytes of JSON; four in ten
-- have a line break, quotes or a backslash to escape, JSON columns hold a JSON string as Rails stores it, one content in 200 is null.
-- Tokens: bench-admin-of-all-00001 (user 1, administrator of accounts 1 to 3), bench-admin-of-one-00002 (user 2, of account 1 only) and
-- bench-giant-account-0003 (user 3, of account 4, whose one message has 100 MB).

\if :{?messages} \else \set messages 1000000 \endif

SET client_encoding = 'UTF8';
SET TimeZone = 'UTC';
SET synchronous_commit = off;
SET jit = off;

BEGIN;

INSERT INTO accounts (id, name, created_at, updated_at)
SELECT i, 'Account ' || i, timestamp '2021-01-01', timestamp '2021-01-01' FROM generate_series(1, 4) AS i;

INSERT INTO users (id, uid, encrypted_password, remember_created_at, sign_in_count, current_sign_in_at, last_sign_in_at, current_sign_in_ip,
                   last_sign_in_ip, confirmation_token, confirmed_at, confirmation_sent_at, name, display_name, email, tokens, created_at,
                   updated_at, pubsub_token, availability, ui_settings, custom_attributes, cognigy_user_id)
SELECT i, 'agent' || i || '@example.com', '$2a$11$' || md5('password' || i), CASE WHEN i % 3 = 0 THEN timestamp '2022-01-01' + i * interval '1 minute' END,
    i % 200, timestamp '2022-05-01' + i * interval '7 minutes 0.745 seconds', timestamp '2022-04-01' + i * interval '7 minutes',
    '10.0.' || i % 256 || '.7', '10.0.' || i % 256 || '.8', md5('confirmation' || i), timestamp '2021-01-02', timestamp '2021-01-01',
    (ARRAY['Francisco', 'Zoë', 'Jürgen', 'O''Neil', 'Łukasz'])[1 + i % 5] || ' ' || i, CASE WHEN i % 2 = 0 THEN 'Paco' || i END,
    'agent' || i || '@example.com', json_build_object(substr(md5('client' || i), 1, 22), json_build_object('expiry', 1644763988 + i)),
    timestamp '2021-01-01' + i * interval '1 hour', timestamp '2022-05-01' + i * interval '1 hour 0.123456 seconds', md5('pubsub' || i), i % 3,
    '{"is_conv_actions_open": true, "is_contact_sidebar_open": true}', '{}', substr(md5('cognigy' || i), 1, 24)
FROM generate_series(1, 500) AS i;

INSERT INTO account_users (account_id, user_id, role, created_at, updated_at)
SELECT account_id, user_id, role, timestamp '2021-01-01', timestamp '2021-01-01'
FROM (VALUES (1, 1, 1), (2, 1, 1), (3, 1, 1), (1, 2, 1), (4, 3, 1)) AS known (account_id, user_id, role)
UNION ALL
SELECT 1 + i % 3, i, 0, timestamp '2021-01-01', timestamp '2021-01-01' FROM generate_series(4, 500) AS i;

INSERT INTO access_tokens (owner_type, owner_id, token, created_at, updated_at)
SELECT 'User', owner_id, token, timestamp '2021-01-01', timestamp '2021-01-01'
FROM (VALUES (1, 'bench-admin-of-all-00001'), (2, 'bench-admin-of-one-00002'), (3, 'bench-giant-account-0003')) AS known (owner_id, token)
UNION ALL
SELECT 'User', i, md5('token' || i), timestamp '2021-01-01', timestamp '2021-01-01' FROM generate_series(4, 500) AS i;

-- Account 1 + i % 3 for inboxes and all below them.
INSERT INTO inboxes (id, channel_id, name, account_id, created_at, updated_at, channel_type, enable_auto_assignment, greeting_enabled,
                     greeting_message, email_address, working_hours_enabled, out_of_office_message, timezone, enable_email_collect,
                     csat_survey_enabled, cognigy_organization_id, cognigy_project_id, enable_auto_reassignment, conversation_show_all)
SELECT i, 1000 + i, 'Inbox "' || i || '" – ' || (ARRAY['Support', 'Vertrieb', 'Müller & Söhne', '日本語デスク'])[1 + i % 4], 1 + i % 3,
    timestamp '2020-12-01' + i * interval '1 hour', timestamp '2021-01-01' + i * interval '1 day 13.745 seconds',
    (ARRAY['Channel::WebWidget', 'Channel::Api', 'Channel::FacebookPage', 'Channel::Email'])[1 + i % 4], i % 2 = 0, i % 3 = 0,
    CASE WHEN i % 3 = 0 THEN 'Hi there! 👋' END, CASE WHEN i % 4 = 3 THEN 'in' || i || '@example.com' END, i % 5 = 0,
    CASE WHEN i % 5 = 0 THEN E'Out of office hours,\ntry again tomorrow' END, (ARRAY['UTC', 'Europe/Berlin', 'America/New_York'])[1 + i % 3],
    true, i % 7 = 0, substr(md5('organization' || i), 1, 24), substr(md5('project' || i), 1, 24), i % 2 = 1, i % 9 = 0
FROM generate_series(1, 50) AS i;

INSERT INTO inbox_members (user_id, inbox_id, created_at, updated_at)
SELECT DISTINCT 1 + i * 13 % 500, 1 + i % 50, timestamp '2021-01-01', timestamp '2021-01-01' FROM generate_series(1, 400) AS i;

INSERT INTO labels (id, title, description, color, show_on_sidebar, account_id, created_at, updated_at)
SELECT i, 'label-' || substr(md5('label' || i), 1, 8), CASE WHEN i % 4 > 0 THEN 'labels used for "case ' || i || '"' END,
    '#' || substr(md5('color' || i), 1, 6), i % 3 = 0, 1 + i % 3, timestamp '2021-01-01' + i * interval '3 hours',
    timestamp '2021-06-01' + i * interval '3 hours 0.25 seconds'
FROM generate_series(1, 200) AS i;

INSERT INTO tags (id, name) SELECT id, title FROM labels ORDER BY id;

INSERT INTO conversations (id, account_id, inbox_id, status, assignee_id, created_at, updated_at, contact_id, display_id, contact_last_seen_at,
                           agent_last_seen_at, additional_attributes, contact_inbox_id, uuid, identifier, last_activity_at, team_id, campaign_id,
                           snoozed_until, custom_attributes, assignee_last_seen_at)
SELECT i, 1 + b % 3, b, i * 7 % 4, CASE WHEN i % 5 > 0 THEN 1 + i * 31 % 500 END, c, c + interval '1 day 2 hours 0.001234 seconds',
    1 + i * 17 % 60000, 0, CASE WHEN i % 3 > 0 THEN c + interval '5 hours' END, CASE WHEN i % 4 > 0 THEN c + interval '6 hours' END,
    CASE WHEN i % 2 = 0 THEN '{}' ELSE jsonb_build_object(
        'browser', jsonb_build_object('browser_name', (ARRAY['Chrome', 'Firefox', 'Safari'])[1 + i % 3], 'platform_name', 'Windows'),
        'referer', 'https://shop.example.com/p?id=' || i, 'initiated_at', jsonb_build_object('timestamp', c::text)) END,
    1 + i * 17 % 60000, md5('conversation' || i)::uuid, CASE WHEN i % 10 = 0 THEN 'id-' || i END, c + interval '1 day',
    CASE WHEN i % 3 = 0 THEN 1 + i % 12 END, CASE WHEN i % 50 = 0 THEN 1 + i % 9 END,
    CASE WHEN i * 7 % 4 = 3 THEN c + interval '9 days' END,
    CASE WHEN i % 6 = 0 THEN jsonb_build_object('tier', 'gold', 'score', i % 100) ELSE '{}' END,
    CASE WHEN i % 4 > 0 THEN c + interval '7 hours 0.5 seconds' END
FROM (SELECT i::int, (1 + i::bigint * 7919 % 50)::int AS b, timestamp '2021-01-01' + i * (interval '730 days' / (:messages / 10)) AS c
      FROM generate_series(1, :messages / 10) AS i) AS one
ORDER BY i;

INSERT INTO taggings (tag_id, taggable_type, taggable_id, context, created_at)
SELECT t.id, 'Conversation', c.id, 'labels', c.created_at
FROM conversations AS c JOIN labels AS l ON l.account_id = c.account_id AND l.id % 66 = c.id % 66 JOIN tags AS t ON t.name = l.title
WHERE c.id % 3 = 0 ORDER BY c.id, t.id;

-- The million: indexes are made behind the rows, which takes a third of the time.
CREATE TEMPORARY TABLE bench_index ON COMMIT DROP AS
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'messages' AND indexname <> 'messages_pkey';
SELECT format('DROP INDEX public.%I', indexname) FROM bench_index \gexec

CREATE TEMPORARY TABLE bench_words ON COMMIT DROP AS SELECT ARRAY[
    'Hello, I have a question about my order.', 'The parcel has not arrived yet', 'Thank you very much!', 'Can you please check that for me?',
    'My order number is', 'It says "payment declined" on the page', E'Kind regards,\nAnna', E'Hi!\n\nI tried to log in but the button does nothing.',
    'ok', 'Please wait a moment 🙏', 'I''ll look into it right away', 'Der Artikel ist leider beschädigt angekommen.', 'Größe XL, Farbe grün',
    'C:\Users\me\Desktop\invoice.pdf', 'https://shop.example.com/orders?id=42&lang=de', 'Das ist ärgerlich 😡', 'Great 👍🏽', 'refund',
    'Could you send me the invoice again?', 'Sure, one second.', 'こんにちは、質問があります。', 'Votre commande est expédiée', 'I need it before Friday',
    E'Steps:\n1. open the app\n2. tap "Settings"\n3. nothing', 'the tracking link is dead', 'Is there anything else I can help you with?',
    'No, that was all', '€ 49,90', '<b>bold?</b> & more', 'Conversation was marked resolved by "Paco"', 'Please rate the conversation', '🎉🎉🎉',
    'my e-mail is', 'test@example.com', 'asap', 'Let me transfer you to a colleague'] AS words;

INSERT INTO messages (id, content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, private, status, source_id,
                      content_type, content_attributes, sender_type, sender_id, external_source_ids)
SELECT i, CASE WHEN h % 200 > 0 THEN rpad(left(content, 200), greatest(20, length(left(content, 200))), '.') END, 1 + b % 3, b, n, kind, t,
    CASE WHEN h % 10 = 0 THEN t + interval '3.5 minutes' ELSE t END, h % 37 = 0, h % 4, CASE WHEN h % 3 = 0 THEN 'wamid.' || md5(i::text) END,
    CASE WHEN h % 20 = 0 THEN h % 12 ELSE 0 END,
    to_json(CASE WHEN h % 5 = 0 THEN '{"items":[{"title":"Acme \"Hardware\"","value":' || h % 1000 || '}]}'
                 WHEN h % 7 = 0 THEN '{"in_reply_to":null}' ELSE '{}' END),
    CASE kind WHEN 0 THEN 'Contact' WHEN 1 THEN 'User' WHEN 3 THEN 'cognigy' END,
    CASE kind WHEN 0 THEN 1 + n * 17 % 60000 WHEN 1 THEN 1 + h % 500 END,
    to_jsonb(CASE WHEN h % 11 = 0 THEN '{"slack":"cw-origin-' || h || '"}' ELSE '{}' END)
FROM (SELECT i, h, n, (1 + n::bigint * 7919 % 50)::int AS b, CASE WHEN h % 20 < 9 THEN 0 WHEN h % 20 < 18 THEN 1 WHEN h % 20 = 18 THEN 2 ELSE 3 END AS kind,
          timestamp '2021-01-01' + i * (interval '730 days' / :messages) + h % 30000000 * interval '1 microsecond' AS t,
          (SELECT string_agg(words[1 + (hashint4extended(i, k) & 1048575) % 36], ' ') FROM generate_series(1, 1 + h / 7 % 6) AS k) AS content
      FROM (SELECT i::int, hashint4(i::int) & 2147483647 AS h,
                greatest(1, least(:messages / 10, 1 + (i - 1) / 10 + (hashint4extended(i::int, 0) & 1048575) % 400 - 200))::int AS n
            FROM generate_series(1, :messages) AS i OFFSET 0) AS two, bench_words) AS one;

INSERT INTO messages (id, content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at)
VALUES (2000000000, repeat('100 MB of "text" ', 6250000), 4, 51, 200000, 0, timestamp '2022-01-01', timestamp '2022-01-01');

SELECT indexdef FROM bench_index ORDER BY indexname \gexec

SELECT setval(pg_get_serial_sequence(name, 'id'), 2000000001)
FROM unnest(ARRAY['accounts', 'users', 'inboxes', 'labels', 'tags', 'conversations', 'messages']) AS name \g /dev/null

COMMIT;

VACUUM (ANALYZE);
