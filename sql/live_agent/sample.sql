-- Sample data: 3 accounts, 30 users, 600 conversations, 8,000 messages; the same rows at every load.
--
--     psql -v ON_ERROR_STOP=1 -d live_agent -f sample.sql
--
-- It holds what real installations hold and what breaks exporters: quotes, backslashes, control characters, every kind of null and empty,
-- JSON that is encoded twice, ties and microseconds in times, times beyond years 1 to 9999, references that dangle or cross accounts, users of
-- two accounts and of none, owners of other types with the same ids, labels and tags that agree only without case.
-- Rows of account 3 say so ('foreign') and every secret begins with 'SECRET', so that a test can look for either in an answer.
-- The tokens below are listed again, with what each is for, in tests/harness/tokens.py.

SET client_encoding = 'UTF8';
SET TimeZone = 'UTC';
SET standard_conforming_strings = on;

BEGIN;

INSERT INTO accounts (id, name, created_at, updated_at, domain, limits) VALUES
    (1, 'Umbrella Ltd', '2021-10-01', '2021-10-01', 'umbrella.example', '{}'),
    (2, 'Cyberdyne & Söhne', '2021-10-02', '2021-10-02', NULL, '{"agents": 50}'),
    (3, 'foreign AG', '2021-10-03', '2021-10-03', NULL, NULL);

-- Users 1 to 9 have parts to play (see the memberships below); 10 to 30 are agents with names of every kind.
INSERT INTO users (id, provider, uid, encrypted_password, reset_password_token, reset_password_sent_at, remember_created_at, sign_in_count,
                   current_sign_in_at, last_sign_in_at, current_sign_in_ip, last_sign_in_ip, confirmation_token, confirmed_at,
                   confirmation_sent_at, unconfirmed_email, name, display_name, email, tokens, created_at, updated_at, pubsub_token,
                   availability, ui_settings, custom_attributes, cognigy_user_id)
SELECT i, 'email', 'user' || i || '@cognigy.example', 'SECRET$2a$11$' || md5('password' || i),
    CASE WHEN i % 4 = 0 THEN 'SECRET-reset-' || md5('reset' || i) END,
    CASE WHEN i % 4 = 0 THEN timestamp '2021-12-01 08:00:00.5' + i * interval '1 day' END,
    CASE i WHEN 14 THEN '-infinity' WHEN 15 THEN 'infinity' WHEN 29 THEN timestamp '0044-03-15 12:00:00 BC'
           WHEN 30 THEN timestamp '12021-12-11 12:41:26.745123' ELSE CASE WHEN i % 3 = 0 THEN timestamp '2021-12-01' + i * interval '1 minute' END END,
    i * 7 % 40,
    timestamp '2021-12-11 12:41:26.745' + i * interval '1 hour 0.000001 second',
    CASE WHEN i % 5 > 0 THEN timestamp '2021-12-10 12:41:26.745' + i * interval '1 hour' END,
    '10.0.' || i || '.7', CASE WHEN i % 5 > 0 THEN '2001:db8::' || i END,
    'SECRET-confirm-' || md5('confirmation' || i), timestamp '2021-10-05', timestamp '2021-10-04',
    CASE WHEN i = 20 THEN 'new@cognigy.example' END,
    (ARRAY['Ada Admin', 'Bob Agent', 'Cleo Zwei', 'Dora Beide', 'Eve Nobody', 'Fritz Überall', 'Gone Girl', 'Hal Halb', 'foreign Fatima',
           'Sean O''Neil', 'Back\slash', 'Quote "Q" Quentin', 'Zoë', 'Łukasz', 'محمد علي', E'Tab\tand\nnewline', E'Bell\u0001\u001f',
           E'Line\u2028separator', '👩‍👩‍👧 Familie', '%', '_', '100% sure', 'ada admin', 'ADA ADMIN', ' leading and trailing ', 'Jürgen',
           'null', '日本語 デスク', 'foreign Frank', 'foreign Fay'])[i],
    CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN 'Agent ' || i WHEN 2 THEN NULL ELSE 'Paco "' || i || '"' END,
    CASE WHEN i = 26 THEN NULL WHEN i IN (24, 25) THEN 'shared@cognigy.example' ELSE 'user' || i || '@cognigy.example' END,
    CASE i % 4
        WHEN 0 THEN to_json('{"SECRET-client":{"token":"SECRET$2a$10$' || md5('session' || i) || '","expiry":1644763988}}')
        WHEN 1 THEN json_build_object('SECRET-client', json_build_object('token', 'SECRET$2a$10$' || md5('session' || i)))
        WHEN 2 THEN 'null'::json
    END,
    timestamp '2021-10-04' + i / 3 * interval '1 day', timestamp '2021-12-12 01:02:03.123456' + i * interval '1 hour',
    CASE WHEN i % 10 > 0 THEN 'SECRET-pubsub-' || md5('pubsub' || i) END,
    i % 3,
    CASE WHEN i % 6 = 5 THEN NULL ELSE '{"is_contact_sidebar_open": true, "is_conv_actions_open": false}'::jsonb END,
    CASE i % 5 WHEN 0 THEN '{}' WHEN 1 THEN '{"shift": "night", "skills": ["de", "en"], "note": "he said \"hi\"\n"}'
               WHEN 2 THEN 'null' WHEN 3 THEN '[1, 2.50, "x"]' END::jsonb,
    CASE WHEN i % 7 > 0 THEN substr(md5('cognigy user' || i), 1, 24) END
FROM generate_series(1, 30) AS i;

-- Who is what where. User 5 is nowhere, user 7 no longer; 999 is a membership that outlived its user.
INSERT INTO account_users (account_id, user_id, role, created_at, updated_at, availability)
SELECT account_id, user_id, role, timestamp '2021-10-05', timestamp '2021-10-05', user_id % 3
FROM (VALUES (1, 1, 1), (1, 2, 0), (2, 3, 1), (1, 4, 1), (2, 4, 1), (1, 6, 0), (2, 6, 0), (1, 8, 1), (2, 8, 0), (3, 9, 1),
             (1, 999, 0), (NULL, 7, 1), (1, 12, NULL), (1, 13, 2)) AS known (account_id, user_id, role)
UNION ALL
SELECT CASE WHEN i < 20 THEN 1 WHEN i < 28 THEN 2 ELSE 3 END, i, 0, timestamp '2021-10-06', timestamp '2021-10-06', i % 3
FROM generate_series(10, 30) AS i WHERE i NOT IN (12, 13);

INSERT INTO access_tokens (owner_type, owner_id, token, created_at, updated_at)
SELECT owner_type, owner_id, token, timestamp '2021-10-04', timestamp '2021-10-04'
FROM (VALUES
    ('User', 1, 'demoAdminOfAccountOne001'),
    ('User', 2, 'demoAgentOfAccountOne002'),
    ('User', 3, 'demoAdminOfAccountTwo003'),
    ('User', 4, 'demoAdminOfBothAccts0004'),
    ('User', 5, 'demoUserWithoutAccount05'),
    ('User', 7, 'demoExMemberOfAccount007'),
    ('User', 8, 'demoAdminOneAgentTwo0008'),
    ('User', 9, 'demoAdminOfAccount3rd009'),
    ('User', 998, 'demoDeletedUserToken0998'),
    ('User', 13, 'demoSupervisorOfOne00013'),
    ('AgentBot', 1, 'demoAgentBotSameIdAs0001'),
    ('PlatformApp', 1, 'demoPlatformAppToken0001'),
    ('user', 1, 'demoLowerCaseOwnerType01'),
    (NULL, 1, 'demoNullOwnerTypeToken01')) AS known (owner_type, owner_id, token);
INSERT INTO access_tokens (owner_type, owner_id, token, created_at, updated_at) VALUES ('User', 1, NULL, '2021-10-04', '2021-10-04');

-- Inboxes 1 to 5 belong to account 1, 6 to 9 to account 2, 10 and 11 to account 3, 12 to account 1 and is empty.
INSERT INTO inboxes (id, channel_id, name, account_id, created_at, updated_at, channel_type, enable_auto_assignment, greeting_enabled,
                     greeting_message, email_address, working_hours_enabled, out_of_office_message, timezone, enable_email_collect,
                     csat_survey_enabled, cognigy_organization_id, cognigy_project_id, enable_auto_reassignment, conversation_show_all)
SELECT i, 100 + i % 4,
    (ARRAY['Support', 'Vertrieb "Süd"', 'O''Brien & Co', '100%_\', '日本語デスク 👋', 'Cyberdyne Chat', 'support', '', 'E-Mail',
           'foreign inbox', 'foreign Support', 'empty'])[i],
    CASE WHEN i IN (10, 11) THEN 3 WHEN i BETWEEN 6 AND 9 THEN 2 ELSE 1 END,
    timestamp '2021-10-10 09:00:00' + i / 2 * interval '1 day', timestamp '2021-11-10 09:00:00.000001' + i * interval '1 day',
    (ARRAY['Channel::Email', 'Channel::WebWidget', 'Channel::Api', 'Channel::FacebookPage', NULL])[1 + i % 5],
    i % 2 = 0, i % 3 = 0,
    CASE WHEN i % 3 = 0 THEN E'Hi there!\r\nHow can we help? 👋' WHEN i % 3 = 1 THEN '' END,
    CASE WHEN i % 5 = 0 THEN 'inbox' || i || '@umbrella.example' END,
    i % 4 = 1, CASE WHEN i % 4 = 1 THEN E'Out of office.\n"Back" on Monday \\o/' END,
    (ARRAY['UTC', 'Europe/Berlin', NULL])[1 + i % 3],
    CASE WHEN i % 6 > 0 THEN true END, CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END,
    CASE WHEN i % 4 > 0 THEN substr(md5('organization' || (i + 4) / 5), 1, 24) END,
    CASE WHEN i % 4 > 0 THEN substr(md5('project' || i), 1, 24) END,
    CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END, i % 2 = 1
FROM generate_series(1, 12) AS i;

-- Members within the account; user 3 (another account) and user 4444 (nobody) in inbox 1; user 7, who left, in inbox 2.
INSERT INTO inbox_members (user_id, inbox_id, created_at, updated_at)
SELECT u, b, timestamp '2021-10-11', timestamp '2021-10-11'
FROM (VALUES (1, 1), (2, 1), (3, 1), (4444, 1), (6, 1), (10, 1), (1, 2), (7, 2), (11, 2), (12, 3), (13, 3), (14, 3), (2, 4), (6, 6), (3, 6),
             (4, 6), (20, 6), (21, 7), (22, 7), (4, 1), (9, 10), (28, 10), (9, 1), (1, 10), (3, 9999)) AS known (u, b);

-- Conversations. 1: account 1, assigned, with messages. 2: account 1, unassigned, without messages. Years that .NET's readers (Excel, Power BI)
-- cannot hold, before 1 and after 9999, are in account 3 only, as are the users with such times.
INSERT INTO conversations (id, account_id, inbox_id, status, assignee_id, created_at, updated_at, contact_id, display_id, contact_last_seen_at,
                           agent_last_seen_at, additional_attributes, contact_inbox_id, uuid, identifier, last_activity_at, team_id, campaign_id,
                           snoozed_until, custom_attributes, assignee_last_seen_at)
SELECT i, a,
    CASE WHEN i % 97 = 0 THEN 7777 WHEN i % 89 = 0 THEN 6 WHEN a = 1 THEN 1 + i % 5 WHEN a = 2 THEN 6 + i % 3 ELSE 10 END,
    i * 7 % 4,
    CASE WHEN i = 1 THEN 2 WHEN i = 2 OR i % 4 = 3 THEN NULL WHEN i % 23 = 0 THEN 7 WHEN i % 41 = 0 THEN 5000 WHEN i % 43 = 0 THEN 3
         WHEN i % 11 = 0 THEN 6 WHEN a = 1 THEN 10 + i % 10 WHEN a = 2 THEN 20 + i % 8 ELSE 28 + i % 3 END,
    c, c + i % 9 * interval '1 hour 0.000001 second', CASE WHEN i % 8 > 0 THEN 1 + i * 17 % 250 END, 0,
    CASE i WHEN 5 THEN '-infinity' WHEN 6 THEN 'infinity' WHEN 40 THEN timestamp '0001-01-01 00:00:00 BC'
           ELSE CASE WHEN i % 3 > 0 THEN c + interval '5 hours' END END,
    CASE i WHEN 30 THEN timestamp '0044-03-15 12:00:00 BC' WHEN 8 THEN timestamp '0001-01-01 00:00:00'
           ELSE CASE WHEN i % 4 > 0 THEN c + interval '6 hours' END END,
    CASE i % 7 WHEN 0 THEN '{}' WHEN 1 THEN '{"browser": {"browser_name": "Chrome", "platform_name": "macOS"}, "referer": "https://shop.example/?q=a&b=\"c\""}'
               WHEN 2 THEN '{"emoji": "👍🏽", "control": "\u0001", "nested": {"a": [1, null, {"b": "c\\d"}]}}'
               WHEN 3 THEN 'null' WHEN 4 THEN '"a string"' WHEN 5 THEN '[1, 1e400, -0.0, 12345678901234567890.123456789]' END::jsonb,
    CASE WHEN i % 8 > 0 THEN 1 + i * 17 % 250 END,
    md5('conversation' || i)::uuid,
    CASE i % 6 WHEN 0 THEN '' WHEN 1 THEN 'id-' || i WHEN 2 THEN 'a''b"c\d' WHEN 3 THEN '50%_off' END,
    c + i % 5 * interval '1 day', CASE WHEN i % 3 = 0 THEN 1 + i % 4 END, CASE WHEN i % 50 = 0 THEN 9007199254740993 + i END,
    CASE i WHEN 9 THEN 'infinity' WHEN 50 THEN timestamp '12021-12-11 12:41:26.745123' WHEN 60 THEN timestamp '294276-12-31 23:59:59.999999'
           WHEN 70 THEN timestamp '4713-01-01 00:00:00 BC' ELSE CASE WHEN i * 7 % 4 = 3 THEN c + interval '9 days' END END,
    CASE i % 6 WHEN 0 THEN '{}' WHEN 1 THEN '{"tier": "gold", "score": 12.50}' WHEN 2 THEN '{"": "empty name", "ключ": "значение"}' WHEN 3 THEN 'null' END::jsonb,
    CASE WHEN i % 4 > 0 THEN c + i % 3 * interval '7 hours 0.5 second' END
FROM (SELECT i, (ARRAY[3, 1, 1, 2, 1, 2, 1, 1, 2, 1])[1 + i % 10] AS a,
          timestamp '2021-11-01 08:15:30.123456' + i / 4 * interval '7 hours 0.000001 second' AS c  -- four at a time share their time
      FROM generate_series(1, 600) AS i ORDER BY i) AS one;

-- Messages: none for conversation 2 and for every fiftieth. Their account and inbox are the conversation's, but for a few that disagree or dangle.
INSERT INTO messages (id, content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, private, status, source_id,
                      content_type, content_attributes, sender_type, sender_id, external_source_ids)
SELECT i,
    CASE WHEN c.account_id = 3 THEN 'foreign message ' || i ELSE (ARRAY[
        'Hello, I have a question about my order.', 'The parcel has not arrived yet', '', NULL, 'It says "payment declined"',
        E'Kind regards,\nAnna', E'Windows\r\nnewline', E'tab\there', 'C:\Users\me\invoice.pdf', 'I''ll look into it', '€ 49,90',
        'Größe XL, Straße', '🎉🎉🎉 👩‍👩‍👧', E'control \u0001\u0002\u001f\u007f end', E'separators \u2028\u2029 end', 'مرحبا، كيف حالك؟',
        '<b>bold?</b> & more; </script>', '100%', 'under_score', 'back\slash\\double', ' leading and trailing ', 'NULL', 'null', 'true',
        '{"items":[{"title":"Acme \"Hardware\""}]}', 'e' || U&'\0301' || ' combining', 'こんにちは', 'ok', 'OK', 'İstanbul ıI', E'\uFEFFbom',
        repeat('long text, ', 60), '/slash/ + plus & ampersand = equals ? question # hash', E'\b\f backspace and feed', '0', '-1.5e10'
        ])[1 + i * 7 % 36] END,
    CASE WHEN i % 991 = 0 THEN 1 WHEN c.id IS NULL THEN 1 ELSE c.account_id END,
    CASE WHEN i % 983 = 0 THEN 8888 WHEN c.id IS NULL THEN 1 ELSE c.inbox_id END,
    n, CASE WHEN i % 20 < 9 THEN 0 WHEN i % 20 < 17 THEN 1 WHEN i % 20 < 19 THEN 2 ELSE 3 END,
    t, CASE WHEN i % 10 = 0 THEN t + interval '3 minutes 30.5 seconds' ELSE t END,
    CASE i % 37 WHEN 0 THEN true WHEN 1 THEN NULL ELSE false END, CASE WHEN i % 29 > 0 THEN i % 4 END,
    CASE i % 5 WHEN 0 THEN 'wamid.' || md5(i::text) WHEN 1 THEN '' END,
    CASE WHEN i % 100 = 0 THEN 2016 WHEN i % 101 = 0 THEN 2017 WHEN i % 20 = 0 THEN 1 + i / 20 % 9 ELSE 0 END,
    CASE i % 8
        WHEN 0 THEN to_json('{"items":[{"title":"Acme \"Hardware\"","value":' || i || '}]}')          -- encoded twice, as Rails does
        WHEN 1 THEN to_json(text '{}')
        WHEN 2 THEN '{}'::json
        WHEN 3 THEN '{ "submitted_email" : "a@b.example", "n": 1.50, "n": 2, "u": "\u00e9\u2028" }'::json  -- json keeps blanks, order, duplicates
        WHEN 4 THEN 'null'::json
        WHEN 5 THEN to_json(E'{"text":"a\\nb \\u0001 👍 \\\\"}'::text)
        WHEN 6 THEN '""'::json
    END,
    CASE WHEN i % 20 < 9 THEN 'Contact' WHEN i % 20 < 15 THEN 'User' WHEN i % 20 < 17 THEN 'AgentBot' WHEN i % 20 = 19 THEN 'cognigy' END,
    CASE WHEN i % 20 < 9 THEN 1 + i % 250                                                               -- ids clash with users on purpose
         WHEN i % 20 < 15 THEN CASE WHEN i % 67 = 0 THEN 7 WHEN i % 71 = 0 THEN 6000 WHEN i % 73 = 0 THEN 3 WHEN i % 13 = 0 THEN 6
                                    WHEN c.account_id = 1 THEN 10 + i % 10 WHEN c.account_id = 2 THEN 20 + i % 8 ELSE 28 + i % 3 END
         WHEN i % 20 < 17 THEN 1 + i % 3 WHEN i % 20 = 18 THEN 1 END,
    CASE i % 6 WHEN 0 THEN to_jsonb('{"slack":"cw-origin-' || i || '"}') WHEN 1 THEN to_jsonb(text '{}') WHEN 2 THEN '{}'
               WHEN 3 THEN '{"slack": "cw-origin", "n": 1e400}' WHEN 4 THEN 'null' END::jsonb
FROM (SELECT i, CASE WHEN i = 1 THEN 1 WHEN i % 997 = 0 THEN 7000 + i WHEN k = 2 OR k % 50 = 0 THEN 1 ELSE k END AS n,
          timestamp '2021-11-01 08:20:00.000001' + i / 3 * interval '31 minutes 0.000123 second' AS t     -- three at a time share their time
      FROM (SELECT i, 1 + i * 31 % 600 AS k FROM generate_series(1, 8000) AS i) AS two) AS one
LEFT JOIN conversations AS c ON c.id = n
ORDER BY i;

INSERT INTO labels (id, title, description, color, show_on_sidebar, account_id, created_at, updated_at)
SELECT id, title, description, coalesce(color, '#1f93ff'), show, account_id, timestamp '2021-10-20 10:00:00.123' + id % 1000 * interval '1 hour',
    timestamp '2021-10-21 10:00:00.123456' + id % 1000 / 2 * interval '1 hour'
FROM (VALUES
    (1, 'vip', 'very important "people"', '#ff0000', true, 1), (2, 'billing', NULL, NULL, false, 1), (3, '100%', '', NULL, NULL, 1),
    (4, 'under_score', E'two\nlines', NULL, true, 1), (5, 'back\slash', '\', NULL, true, 1), (6, 'quote''s', 'it''s', NULL, false, 1),
    (7, '🚀 emoji', '👍🏽', NULL, NULL, 1), (8, '', 'empty title', NULL, true, 1), (9, NULL, 'null title', NULL, true, 1),
    (10, 'unused', 'no conversation has it', '#00ff00', true, 1), (11, 'größe', 'Ä Ö Ü ß', NULL, false, 1),
    (12, 'vip', 'the same title in account 2', '#0000ff', true, 2), (13, 'billing', NULL, NULL, NULL, 2), (14, 'only two', NULL, NULL, true, 2),
    (15, 'vip', 'foreign label', NULL, true, 3), (16, 'foreign', 'foreign label', NULL, true, 3),
    (9007199254740993, 'vip', 'belongs to nobody', NULL, true, NULL), (18, 'orphaned', 'belongs to nobody', NULL, true, NULL)
    ) AS known (id, title, description, color, show, account_id);

-- Names are unique with case, compared without it; 'no label' has no row in labels.
INSERT INTO tags (id, name, taggings_count) VALUES
    (1, 'vip', 300), (2, 'VIP', 20), (3, 'Billing', 90), (4, '100%', 40), (5, 'under_score', 40), (6, 'back\slash', 40), (7, 'quote''s', 40),
    (8, '🚀 Emoji', 40), (9, '', 1), (10, NULL, 1), (11, 'GRÖSSE', 3), (12, 'Größe', 3), (13, 'only two', 30), (14, 'foreign', 20),
    (15, 'no label', 60), (16, 'underXscore', 2), (17, '100 percent', 1), (18, 'orphaned', 5);

INSERT INTO taggings (tag_id, taggable_type, taggable_id, context, created_at)
SELECT tag, 'Conversation', c.id, 'labels', c.created_at
FROM conversations AS c
CROSS JOIN LATERAL (VALUES (1, 7), (2, 21), (3, 11), (4, 13), (5, 17), (6, 19), (7, 29), (8, 31), (15, 9), (13, 12), (18, 100), (12, 37)) AS every (tag, nth)
WHERE c.id % nth = 0 AND (tag <> 13 OR c.account_id = 2)
UNION ALL SELECT 1, 'Conversation', id, 'labels', created_at FROM conversations WHERE id % 49 = 0           -- the same tagging twice
UNION ALL SELECT 14, 'Conversation', id, 'labels', created_at FROM conversations WHERE account_id = 3
UNION ALL SELECT 1, 'Contact', i, 'labels', timestamp '2021-11-01' FROM generate_series(1, 60) AS i            -- not conversations
UNION ALL SELECT 4, 'Conversation', i, 'skills', timestamp '2021-11-01' FROM generate_series(1, 20) AS i       -- not labels
UNION ALL VALUES (3, 'Conversation', 1, 'labels', timestamp '2021-11-01'), (1, 'Conversation', 1, 'labels', timestamp '2021-11-01'),
    (1, 'Conversation', 123456, 'labels', NULL), (99, 'Conversation', 1, 'labels', NULL), (9, 'Conversation', 4, 'labels', NULL),
    (10, 'Conversation', 4, 'labels', NULL), (16, 'Conversation', 4, 'labels', NULL), (17, 'Conversation', 4, 'labels', NULL),
    (11, 'Conversation', 6, 'labels', NULL);

SELECT setval(pg_get_serial_sequence(name, 'id'), 1000000)
FROM unnest(ARRAY['accounts', 'users', 'account_users', 'access_tokens', 'inboxes', 'inbox_members', 'conversations', 'messages', 'labels', 'tags',
                  'taggings']) AS name;

COMMIT;

VACUUM ANALYZE;
