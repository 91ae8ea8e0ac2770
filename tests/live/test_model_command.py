"""`odata-gateway model` prints a model that the gateway serves."""

from __future__ import annotations

import json

from odata_gateway.edm.csdl import load_model
from tests.live.test_web_cli import run

SHOP = """
CREATE SCHEMA shop; CREATE SCHEMA "Zweites Lager";
CREATE TYPE shop.size AS ENUM ('s', 'm');
CREATE DOMAIN shop.name AS varchar(30) NOT NULL;
CREATE TABLE shop.customer (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Full Name" shop.name, email text UNIQUE, api_token text);
COMMENT ON TABLE shop.customer IS E'Who buys.\\nAnd returns.'; COMMENT ON COLUMN shop.customer.email IS 'Where to write';
CREATE TABLE shop.product (sku char(8) PRIMARY KEY, price numeric(10, 2) NOT NULL, size shop.size, seen timestamptz(3), tags text[]);
CREATE TABLE shop.line (customer_id int8 REFERENCES shop.customer, sku char(8) REFERENCES shop.product, n int2, PRIMARY KEY (customer_id, sku));
CREATE TABLE "Zweites Lager".product (id int PRIMARY KEY);
CREATE TABLE shop.event (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE shop.event_2024 PARTITION OF shop.event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW shop.report AS SELECT 1 AS n;
CREATE TABLE shop.hidden (id int PRIMARY KEY); CREATE TABLE shop.half (id int PRIMARY KEY, seen int, unseen int);
GRANT USAGE ON SCHEMA shop, "Zweites Lager" TO odata_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA shop, "Zweites Lager" TO odata_reader;
REVOKE SELECT ON shop.hidden, shop.half FROM odata_reader; GRANT SELECT (id, seen) ON shop.half TO odata_reader;
"""


def test_the_model_of_a_database_loads_and_tells_what_is_not_served(cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(scratch, SHOP)
    done = run("model", ODATA_DSN=scratch_reader_dsn, ODATA_SCHEMAS='shop,"Zweites Lager"')
    assert done.returncode == 0, done.stderr
    kept = tmp_path / "model.json"
    kept.write_text(done.stdout, encoding="utf-8")
    model = load_model(kept)
    assert list(model.entity_sets) == ["Zweites_Lager_product", "customer", "event", "half", "line", "shop_product", "report"]
    properties = {name: (str(p.type), p.nullable, p.column) for name, p in model.entity_types["customer"].properties.items()}
    assert properties == {
        "id": ("Edm.Int64", False, "id"),
        "Full_Name": ("Edm.String", False, "Full Name"),
        "email": ("Edm.String", True, "email"),
    }
    product = model.entity_types["shop_product"].properties
    assert (product["sku"].max_length, product["price"].precision, product["price"].scale, product["seen"].precision) == (8, 10, 2, 6)
    assert set(model.entity_types["customer"].navigation) == {"line", "shop_product"}
    assert model.entity_types["customer"].description == "Who buys."
    assert done.stderr.splitlines() == [
        "not served: shop.customer.api_token: its name is that of a secret; serve it with `secret = false` in ODATA_OVERLAY",
        "not served: shop.half.unseen: the role may not read it; GRANT SELECT (unseen) ON shop.half to the role",
        "not served: shop.hidden: the role may not read it; GRANT SELECT ON shop.hidden to the role",
    ]


def test_a_model_is_compared_with_one_that_was_kept(cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(scratch, SHOP)
    settings = {"ODATA_DSN": scratch_reader_dsn, "ODATA_SCHEMAS": "shop"}
    kept = tmp_path / "model.json"
    kept.write_text(json.dumps(json.loads(run("model", **settings).stdout)), encoding="utf-8")
    same = run("model", "--diff", str(kept), **settings)
    assert (same.returncode, same.stdout) == (0, "")
    cluster.psql(scratch, "ALTER TABLE shop.customer ADD COLUMN phone text; GRANT SELECT ON shop.customer TO odata_reader")
    changed = run("model", "--diff", str(kept), **settings)
    assert changed.returncode == 1 and '+      "phone": {' in changed.stdout


def test_mistakes_are_told(reader_dsn, tmp_path):
    assert run("model").returncode == 2
    assert "cannot be read" in run("model", "--diff", str(tmp_path / "none.json"), ODATA_DSN=reader_dsn).stderr
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    assert "is not JSON" in run("model", "--diff", str(tmp_path / "bad.json"), ODATA_DSN=reader_dsn).stderr
    gone = run("model", ODATA_DSN="postgresql://nobody@127.0.0.1:1/none")
    assert gone.returncode == 1 and gone.stderr.splitlines()[-1].startswith("odata-gateway: ")
