-- A small shop, for `odata-gateway demo --database shop`: what many databases have, in one screen. Its model is not written anywhere;
-- the gateway reads it from the catalog. Enumerations, arrays, a composite type, a domain, generated columns, comments, a view
-- without a key, links of all kinds, a function, and a column that nobody should see.
CREATE SCHEMA shop;
SET search_path = shop;

CREATE TYPE order_state AS ENUM ('cart', 'ordered', 'paid', 'sent', 'returned');
CREATE TYPE address AS (street text, city text, postcode text, country text);
CREATE DOMAIN email AS text CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');

CREATE TABLE customer (
    id          int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    email       email NOT NULL UNIQUE,
    home        address,
    born        date,
    likes       text[] NOT NULL DEFAULT '{}',
    settings    jsonb NOT NULL DEFAULT '{}',
    password_hash text,
    recruited_by_id int4 REFERENCES customer
);
COMMENT ON TABLE customer IS E'People who have bought something.\nOne row a person; companies have an account for each buyer.';
COMMENT ON COLUMN customer.likes IS 'What to show first, in the order of interest';

CREATE TABLE category (
    code        varchar(12) PRIMARY KEY,
    title       text NOT NULL,
    parent_code varchar(12) REFERENCES category
);

CREATE TABLE product (
    id          int4 PRIMARY KEY,
    title       varchar(60) NOT NULL,
    category_code varchar(12) NOT NULL REFERENCES category,
    price       numeric(10, 2) NOT NULL CHECK (price >= 0),
    weight_kg   float4,
    colours     text[] NOT NULL DEFAULT '{}',
    dimensions  jsonb,
    on_sale     daterange,
    discontinued bool NOT NULL DEFAULT false,
    price_with_tax numeric(12, 4) GENERATED ALWAYS AS (price * 1.19) STORED
);
COMMENT ON COLUMN product.price IS 'In euro, without tax';

CREATE TABLE supplier (id uuid PRIMARY KEY, name text NOT NULL, lead_time interval);
CREATE TABLE product_supplier (
    product_id  int4 REFERENCES product,
    supplier_id uuid REFERENCES supplier,
    PRIMARY KEY (product_id, supplier_id)
);

CREATE TABLE "order" (
    id          int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int4 NOT NULL REFERENCES customer,
    state       order_state NOT NULL DEFAULT 'cart',
    placed_at   timestamptz(3) NOT NULL,
    sent_to     address,
    gift        bool NOT NULL DEFAULT false
);
CREATE INDEX ON "order" (placed_at);
CREATE INDEX ON "order" (state);
CREATE TABLE order_line (
    order_id    int8 REFERENCES "order",
    line        int2,
    product_id  int4 NOT NULL REFERENCES product,
    quantity    int4 NOT NULL CHECK (quantity > 0),
    price       numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE VIEW revenue AS
SELECT date_trunc('month', o.placed_at)::date AS month, p.category_code, sum(l.quantity * l.price) AS revenue, count(DISTINCT o.id) AS orders
FROM "order" AS o JOIN order_line AS l ON l.order_id = o.id JOIN product AS p ON p.id = l.product_id
WHERE o.state IN ('paid', 'sent') GROUP BY 1, 2;
COMMENT ON VIEW revenue IS 'Paid orders by month and category';

CREATE FUNCTION best_sellers(at_least int4 DEFAULT 1) RETURNS TABLE (product_id int4, title text, sold int8) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title::text, sum(l.quantity) FROM shop.product AS p JOIN shop.order_line AS l ON l.product_id = p.id
    GROUP BY p.id HAVING sum(l.quantity) >= at_least ORDER BY 3 DESC, 1
$$;
COMMENT ON FUNCTION best_sellers IS 'Products by the number sold';

-- --- Rows: the same at every load -----------------------------------------------------------------------------------------------

INSERT INTO category VALUES ('home', 'Home and garden', NULL), ('kitchen', 'Kitchen', 'home'), ('garden', 'Garden', 'home'),
    ('office', 'Office', NULL), ('paper', 'Paper', 'office');

INSERT INTO customer (name, email, home, born, likes, settings, password_hash, recruited_by_id)
SELECT first || ' ' || last, lower(first) || i || '@example.com', ROW(street, city, lpad((10000 + i * 7)::text, 5, '0'), country)::address,
    date '1960-01-01' + i * 173, (ARRAY['{garden,kitchen}', '{paper}', '{}', '{kitchen}'])[1 + i % 4]::text[],
    jsonb_build_object('newsletter', i % 3 = 0, 'language', (ARRAY['en', 'de', 'fr'])[1 + i % 3]), md5('secret' || i), CASE WHEN i > 5 THEN i / 2 END
FROM generate_series(1, 40) AS i,
LATERAL (SELECT (ARRAY['Ada', 'Björn', 'Chloé', 'Dmitri', 'Esra'])[1 + i % 5] AS first, (ARRAY['Lovelace', 'Ålund', 'Dupont', 'Orlov', 'Yılmaz', 'O''Neil', 'Sørensen'])[1 + i % 7] AS last,
    (ARRAY['Main Street 1', 'Hauptstraße 2', 'Rue de la Paix 3'])[1 + i % 3] AS street, (ARRAY['London', 'Köln', 'Paris'])[1 + i % 3] AS city, (ARRAY['GB', 'DE', 'FR'])[1 + i % 3] AS country) AS made;

INSERT INTO product (id, title, category_code, price, weight_kg, colours, dimensions, on_sale, discontinued)
SELECT i, (ARRAY['Tea pot', 'Lamp', 'Watering can', 'Notebook', 'Chair', 'Envelope'])[1 + i % 6] || ' ' || i, (ARRAY['kitchen', 'home', 'garden', 'paper', 'office', 'paper'])[1 + i % 6],
    (4.99 + i * 1.37)::numeric(10, 2), CASE WHEN i % 5 > 0 THEN i * 0.15 END, (ARRAY['{red}', '{red,blue}', '{}', '{green,white,black}'])[1 + i % 4]::text[],
    CASE WHEN i % 3 > 0 THEN jsonb_build_object('width', i, 'height', i * 2, 'unit', 'cm') END,
    CASE WHEN i % 4 = 0 THEN daterange(date '2024-01-01' + i, date '2024-02-01' + i) END, i % 17 = 0
FROM generate_series(1, 60) AS i;

INSERT INTO supplier SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, (ARRAY['North', 'South', 'East', 'West'])[i] || ' Supplies', i * interval '36 hours'
FROM generate_series(1, 4) AS i;
INSERT INTO product_supplier SELECT p.id, s.id FROM product AS p JOIN supplier AS s ON (p.id + ascii(s.name)) % 3 = 0;

INSERT INTO "order" (customer_id, state, placed_at, sent_to, gift)
SELECT 1 + i * 7 % 40, (ARRAY['paid', 'sent', 'sent', 'returned', 'ordered', 'cart'])[1 + i % 6]::order_state, timestamptz '2024-01-01 08:00:00Z' + i * interval '1 day 2 hours 3 minutes 4.567 seconds',
    CASE WHEN i % 6 < 4 THEN (SELECT home FROM customer WHERE id = 1 + i * 7 % 40) END, i % 9 = 0
FROM generate_series(1, 300) AS i;
INSERT INTO order_line SELECT o.id, n, 1 + (o.id * 11 + n * 17) % 60, 1 + (o.id + n) % 4, p.price
FROM "order" AS o CROSS JOIN generate_series(1, 3) AS n JOIN product AS p ON p.id = 1 + (o.id * 11 + n * 17) % 60 WHERE n <= 1 + o.id % 3;

-- --- Who reads: a role for the gateway, which may become the one of its callers -------------------------------------------------

CREATE ROLE shop_gateway LOGIN NOINHERIT;
CREATE ROLE shop_analyst NOLOGIN;
GRANT shop_analyst TO shop_gateway;
GRANT USAGE ON SCHEMA shop TO shop_analyst, shop_gateway;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO shop_analyst, shop_gateway;
GRANT EXECUTE ON FUNCTION best_sellers TO shop_analyst;
ANALYZE;
