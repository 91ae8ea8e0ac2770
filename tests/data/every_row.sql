-- A database of every shape in which tables and their keys come, with few rows of each.
CREATE SCHEMA shapes; SET search_path = shapes;

-- keys of one column
CREATE TABLE plain (id int PRIMARY KEY, name text, note varchar(20));
INSERT INTO plain SELECT g, CASE WHEN g % 3 > 0 THEN 'n' || g END, NULL FROM generate_series(1, 30) g;
CREATE TABLE empty (id int PRIMARY KEY, a text); CREATE TABLE empty_keyless (a int, b text);
CREATE TABLE texts (code text PRIMARY KEY, n int);
INSERT INTO texts SELECT c, row_number() OVER () FROM unnest(ARRAY['', ' ', 'a/b', '/', '//', '..', 'a''b', '''', 'a"b', 'ä', '😀', 'a%2Fb',
    '%', 'a+b', 'a&b=c', '#', '?', 'a b', E'a\tb', E'a\nb', E'a\\b', '(1)', 'a,b', 'null', 'true', '1', '$count', '@x', 'A', 'a', 'É', 'E' || U&'\0301',
    repeat('x', 700), repeat('y/', 300), repeat('😀', 200)]) AS u (c);
CREATE TABLE "Order Details" ("Line ID" int PRIMARY KEY, "select" text, "1st" int, "a-b" int, "a_b" int, "Ünïcode" text, "quo""te" int);
INSERT INTO "Order Details" SELECT g, 's' || g, g, g, -g, 'ü', g FROM generate_series(1, 9) g;
CREATE TABLE "select" ("order" int PRIMARY KEY, "group" int REFERENCES "select"); INSERT INTO "select" VALUES (1, NULL), (2, 1), (3, 1), (4, 3);
CREATE TABLE "service" (id int PRIMARY KEY); INSERT INTO "service" VALUES (1), (2);
CREATE TABLE bools (b boolean PRIMARY KEY); INSERT INTO bools VALUES (true), (false);
CREATE TABLE wholes (a int8 PRIMARY KEY, b int2 NOT NULL UNIQUE); INSERT INTO wholes VALUES (-9223372036854775808, 1), (9223372036854775807, 2), (0, 3);
CREATE TABLE numerics (n numeric PRIMARY KEY, v int); INSERT INTO numerics VALUES (1.50, 1), (-0.0000000001, 2), (12345678901234567890.12, 3), (0, 4);
CREATE TABLE guids (id uuid PRIMARY KEY); INSERT INTO guids SELECT md5(g::text)::uuid FROM generate_series(1, 20) g;
CREATE TABLE days (d date PRIMARY KEY); INSERT INTO days SELECT date '1999-12-30' + g FROM generate_series(1, 9) g; INSERT INTO days VALUES ('0044-03-15 BC');
CREATE TABLE clocks (t time PRIMARY KEY); INSERT INTO clocks VALUES ('00:00'), ('12:34:56.789'), ('23:59:59.999999');
CREATE TABLE instants (at timestamptz PRIMARY KEY, n int);
INSERT INTO instants SELECT timestamptz '2024-01-01 00:00:00.000001+00' + g * interval '1 hour', g FROM generate_series(1, 20) g;
CREATE TABLE stamps (at timestamp PRIMARY KEY, until timestamptz);
INSERT INTO stamps SELECT timestamp '2024-01-01' + g * interval '1 hour', CASE g WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN NULL
    ELSE timestamptz '2024-05-05+00' END FROM generate_series(1, 9) g;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy'); CREATE TABLE moods (m mood PRIMARY KEY); INSERT INTO moods VALUES ('very happy'), ('sad'), ('ok');
CREATE DOMAIN short AS varchar(10) CHECK (length(value) > 0); CREATE DOMAIN shorter AS short NOT NULL;
CREATE TABLE domains (k shorter PRIMARY KEY, v short); INSERT INTO domains VALUES ('a', NULL), ('B', 'x'), ('ä', 'y');
CREATE TABLE padded (c char(6) PRIMARY KEY); INSERT INTO padded VALUES ('a'), ('ab'), ('abcdef'), ('');
CREATE TABLE networks (n cidr PRIMARY KEY); INSERT INTO networks VALUES ('10.0.0.0/8'), ('10.1.0.0/16'), ('::/0');

-- keys of several columns
CREATE TABLE pairs (b text, a int, v text, PRIMARY KEY (a, b)); INSERT INTO pairs SELECT chr(96 + g % 5), g / 5, 'v' FROM generate_series(1, 40) g;
CREATE TABLE mixed (i int8, t text, u uuid, d date, at timestamptz, b boolean, n numeric(8, 2), m mood, PRIMARY KEY (i, t, u, d, at, b, n, m));
INSERT INTO mixed SELECT g % 2, 'a/''' || g % 3, md5((g % 2)::text)::uuid, date '2024-01-01' + g % 2, timestamptz '2024-01-01+00' + g % 3 * interval '1 s',
    g % 2 = 0, g / 7.0, 'ok' FROM generate_series(1, 20) g;
CREATE TABLE junction (plain_id int REFERENCES plain, pair_a int, pair_b text, PRIMARY KEY (plain_id, pair_a, pair_b), FOREIGN KEY (pair_a, pair_b) REFERENCES pairs (a, b));
INSERT INTO junction SELECT g, 1, chr(97 + g % 4) FROM generate_series(1, 20) g;

-- keys that are no primary key
CREATE TABLE by_unique (a text, code int NOT NULL UNIQUE, other int UNIQUE); INSERT INTO by_unique SELECT 'a', g, NULL FROM generate_series(1, 10) g;
CREATE TABLE by_identity (a int NOT NULL UNIQUE, b int NOT NULL, c int NOT NULL); CREATE UNIQUE INDEX by_identity_key ON by_identity (b, c);
ALTER TABLE by_identity REPLICA IDENTITY USING INDEX by_identity_key; INSERT INTO by_identity SELECT g, g % 3, g FROM generate_series(1, 10) g;

-- no key
CREATE TABLE keyless (a int, b text, row_key text, j json, p point, plain_id int REFERENCES plain);
INSERT INTO keyless SELECT g % 4, 'b' || g % 4, 'k', '{"a": 1}', '(1,2)', g % 5 + 1 FROM generate_series(1, 40) g; INSERT INTO keyless DEFAULT VALUES;
CREATE TABLE by_float (f float8 PRIMARY KEY, v int); INSERT INTO by_float VALUES ('NaN', 1), ('Infinity', 2), (1e-300, 3), (0.1, 4);
CREATE TABLE by_binary (b bytea PRIMARY KEY); INSERT INTO by_binary SELECT decode(md5(g::text), 'hex') FROM generate_series(1, 10) g;
CREATE TABLE by_json (j jsonb PRIMARY KEY, n int); INSERT INTO by_json SELECT j::jsonb, n FROM unnest(ARRAY['1', '"1"', 'true', '"true"', 'null', '"null"', '{"a": 1}', '"{\"a\": 1}"']) WITH ORDINALITY AS u (j, n);
CREATE TABLE by_partial (a int NOT NULL, b int); CREATE UNIQUE INDEX ON by_partial (a) WHERE b > 0; CREATE UNIQUE INDEX ON by_partial ((a + b));
INSERT INTO by_partial SELECT 1, -g FROM generate_series(1, 10) g;
CREATE TABLE identical (a int); INSERT INTO identical SELECT 1 FROM generate_series(1, 25);

-- partitions and inheritance
CREATE TABLE parted (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_north PARTITION OF parted FOR VALUES IN ('north'); CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT g, CASE WHEN g % 2 = 0 THEN 'north' ELSE 'south' END, 'v' FROM generate_series(1, 20) g;
CREATE TABLE events (at date, what text) PARTITION BY RANGE (at); CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-06-01') PARTITION BY HASH (what);
CREATE TABLE events_2a PARTITION OF events_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE events_2b PARTITION OF events_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO events SELECT date '2024-01-15' + g, 'w' || g % 9 FROM generate_series(1, 90) g;
CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (extra int) INHERITS (parent); CREATE TABLE grandchild () INHERITS (child);
INSERT INTO parent SELECT g, 'p' FROM generate_series(1, 9) g; INSERT INTO child SELECT g, 'c' FROM generate_series(1, 9) g; INSERT INTO grandchild SELECT g, 'g', 1 FROM generate_series(1, 9) g;

-- views
CREATE VIEW through AS SELECT name, id AS number FROM plain WHERE id < 20;
CREATE VIEW joined AS SELECT p.id, j.pair_b, k.b FROM plain AS p JOIN junction AS j ON j.plain_id = p.id LEFT JOIN keyless AS k ON k.plain_id = p.id;
CREATE VIEW totals AS SELECT plain_id, count(*) AS n, sum(a)::numeric AS total FROM keyless GROUP BY plain_id;
CREATE VIEW united AS SELECT id, name AS text FROM plain UNION ALL SELECT id, v FROM parent;
CREATE VIEW all_null AS SELECT NULL::int AS a, NULL::text AS b FROM generate_series(1, 10);
CREATE VIEW made AS SELECT g AS n, g / 3.0 AS third, md5(g::text) AS hash FROM generate_series(1, 25) AS g;
CREATE MATERIALIZED VIEW stored AS SELECT a, b FROM keyless; CREATE MATERIALIZED VIEW stored_by_key AS SELECT id, name FROM plain;
CREATE UNIQUE INDEX ON stored_by_key (id); CREATE MATERIALIZED VIEW stored_empty AS SELECT a FROM keyless WHERE false;

-- words that $search looks at
CREATE TABLE worded (t text, w tsvector GENERATED ALWAYS AS (to_tsvector('simple', t)) STORED); INSERT INTO worded VALUES ('red fox'), ('blue fox'), ('red fox');
CREATE VIEW worded_view AS SELECT t, w FROM worded;

CREATE TABLE by_words (w tsvector PRIMARY KEY, n int); INSERT INTO by_words SELECT to_tsvector('simple', 'a b' || g), g FROM generate_series(1, 10) g;

-- functions of rows
CREATE FUNCTION keyless_rows() RETURNS SETOF keyless LANGUAGE sql STABLE AS 'SELECT * FROM shapes.keyless';
CREATE FUNCTION made_rows() RETURNS TABLE (n int) LANGUAGE sql STABLE AS 'SELECT n FROM shapes.made';
CREATE TYPE width AS RANGE (subtype = float8);
CREATE FUNCTION shouted(one plain) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper(one.name)';
CREATE FUNCTION of_keyless(one keyless) RETURNS int LANGUAGE sql STABLE AS 'SELECT one.a';

-- 200 columns
DO $$ BEGIN EXECUTE 'CREATE TABLE shapes.wide (' || (SELECT string_agg('c' || g || ' int', ', ') FROM generate_series(1, 200) g) || ', PRIMARY KEY (c7))';
EXECUTE 'CREATE TABLE shapes.wide_keyless AS SELECT ' || (SELECT string_agg('n + ' || g || ' AS c' || g, ', ') FROM generate_series(1, 200) g) || ' FROM generate_series(1, 9) AS n'; END $$;
INSERT INTO wide (c1, c7) SELECT g, g FROM generate_series(1, 9) g;

-- rows behind deleted and updated ones, and on several blocks
CREATE TABLE moved (a int, filler text); INSERT INTO moved SELECT g, repeat('x', 900) FROM generate_series(1, 200) g;
DELETE FROM moved WHERE a % 3 = 0; UPDATE moved SET a = -a WHERE a % 10 = 1;

-- foreign keys that only partitions have, and between integers of other width
CREATE TABLE visits (at date, plain_id int, pair_b text, pair_a int, half int) PARTITION BY RANGE (at);
CREATE TABLE visits_1 (pair_a int, pair_b text, at date, half int, plain_id int, FOREIGN KEY (plain_id) REFERENCES plain, FOREIGN KEY (half) REFERENCES plain);
ALTER TABLE visits_1 ADD FOREIGN KEY (pair_a, pair_b) REFERENCES pairs (a, b); ALTER TABLE visits ATTACH PARTITION visits_1 FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM ('2024-07-01') TO ('2025-01-01') PARTITION BY LIST (pair_b);
CREATE TABLE visits_2a PARTITION OF visits_2 DEFAULT; ALTER TABLE visits_2 ADD FOREIGN KEY (plain_id) REFERENCES plain;
ALTER TABLE visits_2a ADD FOREIGN KEY (pair_a, pair_b) REFERENCES pairs (a, b);
INSERT INTO visits SELECT date '2024-02-01' + g * 20, g, chr(97 + g % 4), 1, 1 FROM generate_series(1, 15) g;
CREATE TABLE wider (id int8 PRIMARY KEY, plain_id int8 REFERENCES plain, small_id int2 REFERENCES plain); INSERT INTO wider VALUES (1, 2, 3), (2, NULL, NULL), (3, 2, 4);

-- foreign keys and unique columns whose values are made of values, and foreign keys to all rows of a period
CREATE EXTENSION btree_gist WITH SCHEMA public;
CREATE TABLE spans (r int4range PRIMARY KEY, v text); INSERT INTO spans SELECT int4range(g, g + 3), 'v' || g FROM generate_series(1, 9) g; INSERT INTO spans VALUES ('empty', 'none');
CREATE TABLE of_spans (id int PRIMARY KEY, r int4range REFERENCES spans, tags int[] NOT NULL UNIQUE);
INSERT INTO of_spans SELECT g, CASE WHEN g % 3 > 0 THEN int4range(g, g + 3) ELSE 'empty' END, ARRAY[g, g] FROM generate_series(1, 9) g;
CREATE TABLE of_tags (id int PRIMARY KEY, tags int[] REFERENCES of_spans (tags)); INSERT INTO of_tags VALUES (1, '{2,2}'), (2, '{2,2}'), (3, '{4,4}');
CREATE TABLE prices (item int, during daterange, price int, PRIMARY KEY (item, during WITHOUT OVERLAPS));
INSERT INTO prices SELECT 1, daterange(date '2024-01-01' + 30 * g, date '2024-01-31' + 30 * g), g FROM generate_series(0, 9) g;
CREATE TABLE sales (id int PRIMARY KEY, item int, during daterange, FOREIGN KEY (item, PERIOD during) REFERENCES prices (item, PERIOD during));
INSERT INTO sales VALUES (1, 1, '[2024-01-05,2024-03-05)'), (2, 1, '[2024-01-01,2024-01-31)');
