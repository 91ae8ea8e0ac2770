"""An overlay says names, keys, links and what is left out; all its mistakes are told at once, with their places."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from odata_gateway.edm.csdl import parse_model
from odata_gateway.edm.json_reader import ModelError
from odata_gateway.introspection.catalog import Domain, ForeignKey
from odata_gateway.introspection.document import model_of_catalog
from odata_gateway.introspection.overlay.applied import overlaid
from odata_gateway.introspection.overlay.entries import MissingName
from odata_gateway.introspection.overlay.pins import pinned
from odata_gateway.introspection.overlay.reader import parse_overlay
from odata_gateway.introspection.overlay.writer import overlay_text
from tests.unit.introspection.catalogs import column, table

CATALOG = (
    table("customer", "id", column("Full Name", "text"), column("api_token", "text"), column("tenant_id", not_null=True)),
    table(
        "orders",
        "id",
        "customer_id",
        "payer_id",
        column("tenant_id"),
        keys=[(["customer_id"], "customer"), (["payer_id"], "customer")],
    ),
    table("product", column("code", "text", not_null=True), column("price", "numeric"), column("seen", "float8"), key=("code",)),
    table("order_product", "order_id", column("code", "text", not_null=True), key=("order_id", "code"), keys=[(["order_id"], "orders"), (["code"], "product", ["code"])]),
    table("top_customers", "id", column("total", "numeric"), kind="v", key=()),
    table("audit_log", "at", key=(), schema="audit"),
)  # fmt: skip


def read(text):
    return parse_overlay(tomllib.loads(text))


def made(text, catalog=CATALOG, **options):
    """The model of the catalog with an overlay that has no mistakes, and what is not served."""
    found = overlaid(catalog, read(text), **options)
    assert found.mistakes == ()
    model = model_of_catalog(found.catalog)
    return parse_model(model.document), {item.subject: item.reason for item in model.not_served}


def mistakes(text, **options):
    return [str(mistake) for mistake in overlaid(CATALOG, read(text), **options).mistakes]


def test_names_keys_links_and_searched_columns_are_those_of_the_overlay():
    model, not_served = made(
        """
        [table."public.customer"]
        name = "customers"
        search = ["Full Name"]
        columns."Full Name".name = "name"
        columns.api_token.secret = false
        [table.top_customers]
        key = ["id"]
        links.customer = { to = "public.customer", on = { id = "id" }, back = "top" }
        [table."public.product".columns]
        price = { type = "text" }
        [constraint."orders.orders_customer_id_fkey"]
        name = "buyer"
        back = "purchases"
        """
    )
    customer, orders = model.entity_sets["customers"].entity_type, model.entity_types["orders"]
    assert list(customer.properties) == ["id", "name", "api_token", "tenant_id"] and customer.properties["name"].searched
    assert set(customer.navigation) == {"purchases", "orders", "top"} and set(orders.navigation) == {
        "buyer",
        "payer",
        "order_product",
        "product",
    }
    assert [p.name for p in model.entity_types["top_customers"].key] == ["id"] and "api_token" not in str(not_served)
    assert model.entity_types["top_customers"].navigation["customer"].partner == "top"
    assert str(model.entity_types["product"].properties["price"].type) == "Edm.String"


def test_tables_and_columns_are_left_out_by_patterns():
    model, not_served = made('leave_out = ["audit.*", "public.top_customers", "public.orders.payer*"]\nsecrets = ["*name*"]')
    assert not_served == {
        "audit.audit_log": "the overlay leaves it out",
        "public.top_customers": "the overlay leaves it out",
        "public.orders.payer_id": "the overlay leaves it out",
        "public.customer.Full Name": "its name is that of a secret",
    }
    assert "api_token" in model.entity_types["customer"].properties


def test_rows_are_those_of_a_claim():
    text = '[rows]\nwhere = "tenant_id = claim.tenant"\neveryone = ["product"]\n[table.top_customers]\nserved = false'
    model, not_served = made(text, accounts_claim="tenant")
    assert set(model.entity_sets) == {"customer", "orders", "product"}
    assert model.entity_types["orders"].policy.column == model.entity_types["customer"].policy.column == "tenant_id"
    assert not_served["public.order_product"] == "it has no column tenant_id for the row policy of the overlay"
    assert mistakes('[rows]\nwhere = "tenant_id = claim.tenant"') == [
        "rows.where: set ODATA_ACCOUNTS_CLAIM to tenant: it says which values a caller has"
    ]


def test_all_mistakes_are_told_at_once_with_place_and_nearest_name():
    assert mistakes(
        """
        leave_out = ["public.order"]
        [table.custmer]
        name = "x"
        [table."public.product"]
        key = ["seen"]
        search = ["cod", "price"]
        links.customer = { to = "customers", on = { code = "id" } }
        links.buyer = { to = "customer", on = { code = "id" } }
        links.order = { to = "orders", on = { price = "payer_id" } }
        columns.prize.name = "price"
        [constraint."orders.orders_customer_fkey"]
        name = "buyer"
        [rows]
        where = "owner = claim.sub"
        """,
        accounts_claim="sub",
    ) == [
        "table.custmer: there is no table custmer; did you mean 'customer'?",
        "table.\"public.product\".columns.prize: there is no column prize; did you mean 'price'?",
        "table.\"public.product\".search: there is no column cod; did you mean 'code'?",
        'table."public.product".search: $search looks at texts, and price is numeric',
        'table."public.product".key: seen is float8, which no key is',
        "constraint.\"orders.orders_customer_fkey\": there is no foreign key orders.orders_customer_fkey; did you mean 'orders.orders_customer_id_fkey'?",
        "table.\"public.product\".links.customer.to: there is no table customers; did you mean 'public.customer'?",
        'table."public.product".links.buyer.on: code is text and id is int4, which cannot be compared',
        'table."public.product".links.order.on: price is numeric and payer_id is int4, which cannot be compared',
        "leave_out: nothing is called public.order; did you mean 'public.orders'?",
        "rows.where: no table has a column owner",
    ]


def test_what_names_nothing_and_hides_nothing_is_of_a_kind_of_its_own():
    found = overlaid(
        CATALOG,
        read(
            """
            leave_out = ["tmp.*", "public.gone"]
            [table]
            gone = { name = "x", columns.a.name = "y" }
            left = { served = false }
            shy = { columns.a.secret = true }
            [table.customer]
            key = ["gone"]
            search = ["gone"]
            links.gone = { to = "gone", on = { id = "id" } }
            links.far = { to = "orders", on = { id = "gone" } }
            columns.gone.secret = true
            columns.went.name = "z"
            [constraint]
            "customer.gone" = { name = "x" }
            """
        ),
    )
    spared = [each.path for each in found.mistakes if isinstance(each, MissingName)]
    assert spared == [
        *("table.gone", "table.customer.columns.went", "table.customer.search", "table.customer.key"),
        *('constraint."customer.gone"', "table.customer.links.gone.to", "table.customer.links.far.on", "leave_out"),
    ]
    others = [str(each) for each in found.mistakes if not isinstance(each, MissingName)]
    assert [text.split("; ")[0] for text in others] == [
        "table.left: there is no table left",
        "table.shy: there is no table shy",
        "table.customer.columns.gone: there is no column gone",
        "leave_out: nothing is called public.gone",
    ]


def test_a_form_that_a_column_cannot_have_is_a_mistake():
    text = "[table]\n" + "".join(f'product.columns.{name}.type = "{form}"\n' for name, form in (("code", "enum"), ("price", "stream")))
    assert mistakes(text + '[table.customer.columns]\nid.type = "untyped"\ntenant_id.type = "domain"') == [
        "table.product.columns.code.type: code is text, which is no enum",
        "table.product.columns.price.type: price is numeric, and a stream is bytea",
        "table.customer.columns.id.type: id is int4, and untyped is json or jsonb",
        "table.customer.columns.tenant_id.type: tenant_id is int4, which is no domain over a simple type",
    ]


def test_a_column_of_any_type_can_be_served_as_its_text():
    columns = [
        column("took", "interval"),
        column("at", "timestamptz", modifier=3),
        column("sum", "numeric", modifier=4 + (10 << 16) + 2),
        replace(column("stars", "int4"), checks=("VALUE >= 1",)),
        column("code", "varchar", modifier=9),
    ]
    text = "[table.t]\n" + "".join(f'columns.{each.name}.type = "text"\n' for each in columns)
    model, not_served = made(text, (table("t", "id", *columns),))
    found = list(model.entity_types["t"].properties.values())[1:]
    assert not not_served and [(str(p.type), p.precision, p.max_length) for p in found] == [("Edm.String", None, None)] * 4 + [
        ("Edm.String", None, 5)
    ]


def test_domains_are_type_definitions_where_the_overlay_says_so():
    zip_code, name = Domain("public", "zip code", "Of a place."), Domain("sales", "name", None)
    columns = [
        replace(column("zip", "varchar", modifier=9, not_null=True), domain=zip_code),
        replace(column("from", "varchar", modifier=9), domain=zip_code, checks=("VALUE ~ '^\\d+$'",)),
        replace(column("amount", "numeric", modifier=4 + (10 << 16) + 2), domain=name),
    ]
    catalog = (table("place", *columns, key=("zip",)),)
    text = "[table.place]\n" + "".join(f'columns.{each.name}.type = "domain"\n' for each in columns)
    document = model_of_catalog(overlaid(catalog, read(text)).catalog).document["public"]
    assert document["zip_code"] == {
        "$Kind": "TypeDefinition",
        "$UnderlyingType": "Edm.String",
        "$MaxLength": 5,
        "@Core.Description": "Of a place.",
    }
    assert document["name"] == {"$Kind": "TypeDefinition", "$UnderlyingType": "Edm.Decimal", "$Precision": 10, "$Scale": 2}
    assert document["place"]["zip"] == {"$Type": "public.zip_code"}
    assert document["place"]["from"] == {"$Type": "public.zip_code", "$Nullable": True, "@Validation.Pattern": "^\\d+$"}
    model, _ = made(text, catalog)
    assert model.entity_types["place"].properties["amount"].scale == 2 and len(model.type_definitions) == 2


def test_names_that_collide_are_mistakes():
    assert mistakes(
        """
        [table.customer]
        name = "one"
        columns."Full Name".name = "orders"
        columns.api_token.name = "orders"
        [table.product]
        name = "one"
        [constraint."orders.orders_customer_id_fkey"]
        back = "orders"
        [constraint."orders.orders_payer_id_fkey"]
        back = "orders"
        """
    ) == [
        'constraint."orders.orders_payer_id_fkey": a link and a column of public.customer are called orders',
        'constraint."orders.orders_payer_id_fkey": two links of public.customer are called orders',
        "table.customer.columns.api_token.name: orders is also the name of Full Name",
        "table.product.name: one is also the name of customer",
    ]


def test_a_link_to_rows_that_need_not_be_one_is_a_mistake():
    (found,) = mistakes('[table.customer]\nlinks.order = { to = "orders", on = { id = "payer_id" } }')
    assert found.endswith("public.orders may have several rows with the same payer_id: link it back, from there to public.customer")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tabel = 1", "tabel: is not known here; did you mean 'table'?"),
        ("leave_out = 'x'", 'leave_out: must be an array of texts, such as ["a", "b"]'),
        ("[table]\na.name = 'has blanks'", "table.a.name: is not a name of OData: letters, digits and _"),
        ("[table]\na.columns.b.type = 'txt'", "table.a.columns.b.type: 'txt' is not one of text, enum, stream, untyped, domain"),
        (
            "[table]\na.columns.b.members.c = 'int5'",
            "table.a.columns.b.members.c: 'int5' is not a type such as int4, text, timestamptz or text[]",
        ),
        ("[table]\na.links.b = { on = {} }", "table.a.links.b: needs to"),
        ("[rows]\nwhere = 'tenant'", 'rows.where: must be a column and a claim, such as "tenant_id = claim.tenant"'),
        ("[constraint]\n'a.b' = { nam = 'c' }", "constraint.\"a.b\".nam: is not known here; did you mean 'name'?"),
    ],
)
def test_mistakes_of_the_form(text, expected):
    with pytest.raises(ModelError) as caught:
        read(text)
    assert expected in [str(mistake) for mistake in caught.value.mistakes]


def names_of(model):
    return {(n, m) for n, t in model.entity_types.items() for m in (*t.properties, *t.navigation)}


def test_pins_keep_every_name_when_foreign_keys_tables_and_columns_are_added():
    before = model_of_catalog(CATALOG)
    text = overlay_text(pinned(read(""), before.served.type_names, before.served.property_names, before.links))
    grown = [
        replace(each, foreign_keys=(*each.foreign_keys, *added))
        if (added := [key for key in ADDED if each.table.name == key.name.split("_to_")[0]])
        else each
        for each in CATALOG
    ]
    grown += [table("customer", "id", schema="audit"), table("Full_Name", "id", "customer_id", keys=[(["customer_id"], "customer")])]
    without = parse_model(model_of_catalog(tuple(grown)).document)
    found = overlaid(tuple(grown), read(text))
    assert found.mistakes == ()
    after = parse_model(model_of_catalog(found.catalog).document)
    assert names_of(parse_model(before.document)) <= names_of(after)
    assert not names_of(parse_model(before.document)) <= names_of(without), "without pins names change"
    kept = {(n, m): t.navigation[m].join for n, t in parse_model(before.document).entity_types.items() for m in t.navigation}
    assert all(after.entity_types[n].navigation[m].join == join for (n, m), join in kept.items()), "and lead where they led"


CUSTOMER, ORDERS = CATALOG[0].table, CATALOG[1].table
ADDED = [
    ForeignKey("order_product_to_customer", ("order_id",), CUSTOMER, ("id",)),
    ForeignKey("order_product_to_orders", ("order_id",), ORDERS, ("id",)),
    ForeignKey("customer_to_orders", ("tenant_id",), ORDERS, ("id",)),
    ForeignKey("orders_to_customer", ("tenant_id",), CUSTOMER, ("id",)),
]


def test_the_example_of_the_documents_is_an_overlay():
    text = (Path(__file__).parents[4] / "docs" / "schemas.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.+?)```", text, re.DOTALL)
    overlay = read(example)
    assert read(overlay_text(overlay)) == overlay and len(overlay.tables) == 3 and overlay.rows is not None


def test_an_overlay_is_written_as_it_is_read():
    text = """schemas = ["public", "a.b"]
leave_out = ["x.*"]

[table."public.t"]
name = "t"
served = true
key = ["a"]
links.b = { to = "public.u", on = { a = "b c" }, back = "back" }

[table."public.t".columns]
"q\\"x" = { name = "q", secret = false, type = "text" }
doc = { members = { n = "int4", tags = "text[]", deep = { "a b" = "date" } } }

[constraint."public.t.k"]
name = "n"
through = "m"

[rows]
where = "tenant_id = claim.app_metadata.tenant"
everyone = ["public.t"]
"""
    assert overlay_text(read(text)) == text
