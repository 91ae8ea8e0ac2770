-- A database of the shape that OData's reference services and black-box suites have.
CREATE SCHEMA ref; GRANT USAGE ON SCHEMA ref TO odata_reader;
CREATE TYPE ref.dimensions AS (length float8, width float8, unit text);
CREATE TYPE ref.place AS (city text, country text);
CREATE TYPE ref.skin AS ENUM ('plain', 'striped');
CREATE TABLE ref.product (
    id int PRIMARY KEY, name text NOT NULL, price numeric(38, 18) NOT NULL, access int NOT NULL, skin ref.skin, size ref.dimensions, tags text[] NOT NULL DEFAULT '{}',
    created timestamptz NOT NULL, warranty interval, photo bytea, kind text, discount float8, code text, gift_of int REFERENCES ref.product);
INSERT INTO ref.product SELECT i, 'Product ' || i, i + 0.000000000000000001, i % 8, CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN 'plain'::ref.skin ELSE 'striped' END,
    CASE WHEN i % 4 > 0 THEN (i, i / 2.0, 'cm')::ref.dimensions END, ARRAY['t' || i % 3, 'all'], timestamptz '2024-01-01T00:00:00Z' + i * interval '1 day',
    i * interval '1 hour', decode('89504e47', 'hex'), CASE i % 3 WHEN 0 THEN 'bundle' WHEN 1 THEN 'voucher' END, CASE WHEN i % 3 = 0 THEN i / 10.0 END,
    CASE WHEN i % 3 = 1 THEN 'V' || i END, CASE WHEN i % 3 = 1 AND i > 1 THEN 1 END FROM generate_series(1, 20) AS i;
UPDATE ref.product SET kind = 'big bundle' WHERE id IN (9, 18);
CREATE TABLE ref.detail (product_id int REFERENCES ref.product, n int, body text NOT NULL, PRIMARY KEY (product_id, n));
INSERT INTO ref.detail SELECT i, n, 'Detail ' || i || '.' || n FROM generate_series(1, 20) AS i, generate_series(1, 3) AS n;
CREATE TABLE ref.category (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO ref.category SELECT i, 'Category ' || i FROM generate_series(1, 4) AS i;
CREATE TABLE ref.product_category (product_id int REFERENCES ref.product, category_id int REFERENCES ref.category, PRIMARY KEY (product_id, category_id));
INSERT INTO ref.product_category SELECT p, c FROM generate_series(1, 20) AS p, generate_series(1, 4) AS c WHERE (p + c) % 2 = 0;
CREATE TABLE ref.person (id int PRIMARY KEY, name text NOT NULL, home ref.place, kind text NOT NULL, salary int, boss_id int REFERENCES ref.person, credit int, favourite_id int REFERENCES ref.product);
INSERT INTO ref.person VALUES (1, 'Ada', ('London', 'UK'), 'manager', 90, NULL, NULL, NULL), (2, 'Bob', NULL, 'employee', 50, 1, NULL, NULL), (3, 'Cyd', ('Rome', 'Italy'), 'customer', NULL, NULL, 7, 3),
    (4, 'Dan', NULL, 'employee', 40, 1, NULL, NULL), (5, 'Eve', NULL, 'guest', 1, 1, 1, 1);
CREATE TABLE ref.settings (id int PRIMARY KEY, name text NOT NULL, home ref.place, top_id int REFERENCES ref.product);
INSERT INTO ref.settings VALUES (1, 'Reference', ('Bern', 'CH'), 3);
CREATE TABLE ref.nothing (id int PRIMARY KEY); CREATE TABLE ref.many (id int PRIMARY KEY); INSERT INTO ref.many VALUES (1), (2);
CREATE FUNCTION ref.discounted(p ref.product, percent numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT p.price * (100 - percent) / 100';
CREATE FUNCTION ref.discounted(p ref.product) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT p.price / 2';
CREATE FUNCTION ref.details_of(id int) RETURNS SETOF ref.detail LANGUAGE sql STABLE AS 'SELECT * FROM ref.detail WHERE product_id = id';
CREATE FUNCTION ref.cheapest(n int DEFAULT 3) RETURNS SETOF ref.product LANGUAGE sql STABLE AS 'SELECT * FROM ref.product ORDER BY price LIMIT n';
CREATE FUNCTION ref.nearest(country text) RETURNS ref.place LANGUAGE sql STABLE AS 'SELECT (home).city, (home).country FROM ref.person WHERE (home).country = nearest.country LIMIT 1';
-- octets, JSON without declared members, values behind a cast, nested objects and collections of them
ALTER TABLE ref.product ADD manual bytea, ADD extra jsonb, ADD issuer ref.place, ADD marks text[];
UPDATE ref.product SET manual = CASE WHEN id < 3 THEN convert_to('Manual ' || id, 'UTF8') END, extra = CASE id % 4 WHEN 0 THEN '{"a": [1, null], "b": "x"}' WHEN 1 THEN '7' END::jsonb,
    issuer = CASE WHEN kind = 'voucher' AND id < 10 THEN ('City ' || id, 'UK')::ref.place END, marks = CASE WHEN kind = 'voucher' THEN ARRAY['m' || id % 2, 'v'] END;
CREATE TABLE ref.document (id int PRIMARY KEY, title text NOT NULL, content bytea, product_id int REFERENCES ref.product);
INSERT INTO ref.document VALUES (1, 'First', 'abcdefghij', 1), (2, 'Second', '', 2), (3, 'Third', NULL, NULL);
CREATE TYPE ref.address AS (street text, place ref.place, weight numeric(10, 3));
CREATE TABLE ref.supplier (code text PRIMARY KEY, name text NOT NULL, main ref.address, others ref.address[], weight numeric(10, 3), weights numeric(10, 3)[], marks jsonb);
INSERT INTO ref.supplier VALUES
    ('a', 'Alpha', ('High 1', ('Rome', 'Italy'), 1.5), ARRAY[('Low 2', ('Bern', 'CH'), 2.25), ('Low 3', NULL, NULL)]::ref.address[], 1.125, ARRAY[1.5, 2.5], '[{"name": "gold", "n": 3}, {"name": "new"}]'),
    ('b', 'Beta', ('High 9', ('Bern', 'CH'), 0.5), ARRAY[]::ref.address[], 0.5, ARRAY[]::numeric[], '[]'), ('c', 'Gamma', NULL, NULL, NULL, NULL, NULL);
-- functions of collections, and parameters that are enumerations, collections and objects
CREATE FUNCTION ref.dearest(items ref.product[], n int DEFAULT 1) RETURNS SETOF ref.product LANGUAGE sql STABLE AS 'SELECT * FROM unnest(items) AS p ORDER BY (p).price DESC LIMIT n';
CREATE FUNCTION ref.total(ids int[]) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT sum(price) FROM ref.product WHERE id = ANY (ids)';
CREATE FUNCTION ref.with_access(access int) RETURNS SETOF ref.product LANGUAGE sql STABLE AS 'SELECT p.* FROM ref.product AS p WHERE p.access = $1';
CREATE FUNCTION ref.of_skin(skin ref.skin) RETURNS SETOF ref.product LANGUAGE sql STABLE AS 'SELECT p.* FROM ref.product AS p WHERE p.skin = $1';
CREATE FUNCTION ref.of_ids(ids int[], kinds text[] DEFAULT NULL) RETURNS SETOF ref.product LANGUAGE sql STABLE AS 'SELECT p.* FROM ref.product AS p WHERE p.id = ANY (ids) AND (kinds IS NULL OR p.kind = ANY (kinds))';
CREATE FUNCTION ref.people_at(place ref.place) RETURNS SETOF ref.person LANGUAGE sql STABLE AS 'SELECT p.* FROM ref.person AS p WHERE (p.home).country = (place).country AND ((place).city IS NULL OR (p.home).city = (place).city)';
CREATE FUNCTION ref.label(addresses ref.address[]) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$SELECT a.street || ', ' || coalesce((a.place).city, '-') || ' ' || coalesce(a.weight::text, '-') FROM unnest(addresses) AS a$$;
CREATE FUNCTION ref.double_weight(weight numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT weight * 2';
CREATE FUNCTION ref.best_access() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 5';
CREATE FUNCTION ref.skins() RETURNS SETOF ref.skin LANGUAGE sql IMMUTABLE AS $$SELECT unnest(ARRAY['plain', 'striped', 'plain']::ref.skin[])$$;
GRANT SELECT ON ALL TABLES IN SCHEMA ref TO odata_reader;
