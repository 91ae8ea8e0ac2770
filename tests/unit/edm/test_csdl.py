"""Model files: what is read, and that every mistake is found, named and placed."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from odata_gateway.edm.csdl import load_model, parse_model
from odata_gateway.edm.json_reader import Mistake, ModelError
from odata_gateway.edm.model import AccountColumn, JoinColumn, JoinConstant, JoinTerm, LinkTable, Membership, Table, Unscoped
from odata_gateway.types import primitive as types
from tests.harness.csdl import DATA, assert_valid_json

DEPOT = DATA / "depot.json"
Document = dict[str, Any]


@pytest.fixture
def depot() -> Document:
    return json.loads(DEPOT.read_text())


def _mistakes(document: Any) -> tuple[Mistake, ...]:
    with pytest.raises(ModelError) as caught:
        parse_model(document)
    return caught.value.mistakes


# --- what is read -------------------------------------------------------------------------------------------------------------


def test_a_file_of_another_schema_is_only_another_file():
    assert_valid_json(DEPOT.read_bytes())
    model = load_model(DEPOT)
    assert (model.namespace, model.container) == ("Depot", "Service")
    assert list(model.entity_sets) == ["Warehouses", "Items", "Suppliers"]
    assert model.set_of_type["Item"].name == "Items"


def test_a_composite_key_keeps_its_order():
    item = load_model(DEPOT).entity_types["Item"]
    assert [p.name for p in item.key] == ["warehouse_code", "sku"]
    assert not any(p.nullable for p in item.key)


def test_each_row_policy_is_read():
    entity_types = load_model(DEPOT).entity_types
    assert entity_types["Item"].policy == AccountColumn("Account Id")
    assert entity_types["Warehouse"].policy == Membership(Table("stock", "grants"), "warehouse", "code", "account")
    assert entity_types["Supplier"].policy == Unscoped()


def test_a_join_may_use_quoted_names_lower_and_constants():
    join = load_model(DEPOT).entity_types["Warehouse"].navigation["trusted"].join
    assert join.links == (LinkTable("trust", Table("stock", "trust")),)
    assert join.terms == (
        JoinTerm(JoinColumn("trust", "warehouse"), JoinColumn("source", "code")),
        JoinTerm(JoinColumn("trust", "Supplier Name", lower=True), JoinColumn("target", "name", lower=True)),
        JoinTerm(JoinColumn("trust", "kind"), JoinConstant("d'accord")),
    )


def test_a_constraint_joins_on_columns_and_its_partner_joins_in_reverse():
    entity_types = load_model(DEPOT).entity_types
    there, back = entity_types["Item"].navigation["warehouse"], entity_types["Warehouse"].navigation["items"]
    assert there.join.terms == (JoinTerm(JoinColumn("source", "warehouse"), JoinColumn("target", "code")),)
    assert back.join.terms == (JoinTerm(JoinColumn("source", "code"), JoinColumn("target", "warehouse")),)
    assert not there.nullable


def test_the_account_joins_only_where_both_tables_carry_it(depot):
    assert len(parse_model(depot).entity_types["Item"].navigation["supplier"].join.terms) == 1
    supplier = depot["Depot"]["Supplier"]
    del supplier["@Gateway.Unscoped"]
    supplier["@Gateway.Account"] = "owner"
    entity_types = parse_model(depot).entity_types
    expected = JoinTerm(JoinColumn("source", "Account Id"), JoinColumn("target", "owner"))
    assert entity_types["Item"].navigation["supplier"].join.terms[-1] == expected
    assert entity_types["Supplier"].navigation["items"].join.terms[-1] == JoinTerm(
        JoinColumn("source", "owner"), JoinColumn("target", "Account Id")
    )


def test_facets_and_their_defaults():
    item = load_model(DEPOT).entity_types["Item"].properties
    assert (item["price"].precision, item["price"].scale) == (12, 2)
    assert (item["weight"].precision, item["weight"].scale) == (None, "variable")
    assert item["ratio"].scale == "floating"
    assert item["units"].scale == 0
    assert item["volume"].scale is None
    assert item["label"].max_length == 1000


def test_every_type_has_a_default_column_type():
    assert all(type_.column_types[0] == type_.pg_type for type_ in types.PRIMITIVE_TYPES.values())
    item = load_model(DEPOT).entity_types["Item"].properties
    assert item["counted_at"].pg_type == "timestamptz"
    assert {item[n].pg_type for n in ("grade", "shift", "bin")} == {"int2"}


def test_the_version_follows_the_content_not_the_spelling(depot):
    version = parse_model(depot).version
    assert parse_model(json.loads(json.dumps(depot, indent=7))).version == version
    depot["Depot"]["Supplier"]["name"]["@Core.Description"] = "Name"
    assert parse_model(depot).version != version


def test_annotations_of_other_vocabularies_are_passed_over(depot):
    depot["Depot"]["Supplier"]["@UI.HeaderInfo"] = {"TypeName": "Supplier"}
    depot["Depot"]["Supplier"]["name@Core.Computed"] = True
    assert parse_model(depot)


def test_schemas_may_be_several(depot):
    depot["Depot.Services"] = {"Service": depot["Depot"].pop("Service")}
    depot["$EntityContainer"] = "Depot.Services.Service"
    model = parse_model(depot)
    assert (model.namespace, model.container) == ("Depot.Services", "Service")
    assert model.entity_types["Item"].qualified_name == "Depot.Item"


# --- mistakes -----------------------------------------------------------------------------------------------------------------


def _put(*path: str) -> Callable[[Document, Any], None]:
    def change(document: Document, value: Any) -> None:
        *parents, last = path
        for name in parents:
            document = document[name]
        if value is None:
            del document[last]
        else:
            document[last] = value

    return change


NAV, ITEM, WAREHOUSE, CONTAINER = "$NavigationPropertyBinding", "/Depot/Item", "/Depot/Warehouse", "/Depot/Service"
# the member to change, its new value (None: removed), and the mistake: the path (None: that member's), part of the message
FUNCTION = {"$Kind": "Function", "@Gateway.Function": "stock.f", "@Gateway.Unscoped": True, "$ReturnType": {"$Type": "Edm.Int32"}}
MISTAKES: list[tuple[str, Any, str | None, str]] = [
    ("/$Version", None, "", "$Version is missing"),
    ("/$Version", "3.0", None, "must be 4.0 or 4.01"),
    ("/$EntityContainer", "Depot.Nope", None, "no entity container is called Depot.Nope"),
    ("/$EntityContainer", 7, None, "must be a string"),
    ("/$Bogus", 1, None, "not supported here"),
    ("/9x", {}, None, "is not a namespace"),
    ("/Depot/$Annotations", {}, None, "not supported here"),
    ("/Depot/Thing", {"$Kind": "ComplexType"}, None, "has no property"),
    ("/Depot/Thing", {"$Kind": "ComplexType", "a": {"$Type": "Depot.Thing"}}, "/Depot/Thing/a/$Type", "contain itself"),
    (
        "/Depot/Thing",
        {"$Kind": "ComplexType", "a": {}, "@Gateway.Form": "xml"},
        "/Depot/Thing/@Gateway.Form",
        "one of composite, range, json",
    ),
    ("/Depot/Thing", {"$Kind": "Term"}, None, "not Term"),
    (
        "/Depot/Thing",
        {"$Kind": "ComplexType", "item": {"$Kind": "NavigationProperty", "$Type": "Depot.Item"}},
        "/Depot/Thing/item",
        "navigation properties of complex types",
    ),
    ("/Depot/f", [{"$Kind": "Action"}], "/Depot/f/0/$Kind", "only functions are served"),
    ("/Depot/f", ["x"], "/Depot/f/0", "must be an object"),
    ("/Depot/f", [{**FUNCTION, "@Gateway.Unscoped": False}], "/Depot/f/0", "@Gateway.Unscoped must be true"),
    ("/Depot/f", [{**FUNCTION, "@Gateway.Function": "f"}], "/Depot/f/0/@Gateway.Function", "must be schema.table"),
    ("/Depot/f", [{**FUNCTION, "$EntityType": 1}], "/Depot/f/0/$EntityType", "not supported here"),
    ("/Depot/f", [FUNCTION, FUNCTION], "/Depot/f/1", "has the same parameters"),
    ("/Depot/f", [{**FUNCTION, "$ReturnType": {"$Type": "Depot.Nope"}}], "/Depot/f/0/$ReturnType/$Type", "is called Depot.Nope"),
    ("/Depot/f", [{**FUNCTION, "$IsBound": True}], "/Depot/f/0/$IsBound", "has a parameter for what it is bound to"),
    (
        "/Depot/f",
        [{**FUNCTION, "$IsBound": True, "$Parameter": [{"$Name": "it", "$Collection": True}]}],
        "/Depot/f/0/$Parameter/0",
        "$Type is missing",
    ),
    (
        "/Depot/f",
        [{**FUNCTION, "$IsBound": True, "$Parameter": [{"$Name": "it", "$Type": "Depot.Item", "@Gateway.Column": "x"}]}],
        "/Depot/f/0/$Parameter/0/@Gateway.Column",
        "no property of this column",
    ),
    (
        "/Depot/f",
        [{**FUNCTION, "$Parameter": [{"$Name": "n", "$Type": "Edm.Int32", "$Collection": True, "@Gateway.PgType": "text"}]}],
        "/Depot/f/0/$Parameter/0/@Gateway.PgType",
        "is passed as int4",
    ),
    ("/Depot/f", [{**FUNCTION, "$Parameter": [{"$Name": "n", "$Type": "Edm.Nope"}]}], "/Depot/f/0/$Parameter/0/$Type", "no primitive type"),
    (
        "/Depot/f",
        [{**FUNCTION, "$Parameter": [{"$Name": "n", "$Type": "Edm.Date", "@Gateway.PgType": "text"}]}],
        "/Depot/f/0/$Parameter/0/@Gateway.PgType",
        "is passed as date",
    ),
    (f"{CONTAINER}/f", {"$Function": "Depot.nope"}, f"{CONTAINER}/f/$Function", "no unbound function is called Depot.nope"),
    ("/Depot/Thing", {}, None, "without $Kind"),
    ("/Depot/Other", {"$Kind": "EntityContainer"}, None, "one entity container"),
    (f"{ITEM}/@Gateway.Tabel", "stock.item", None, "did you mean '@Gateway.Table'?"),
    (f"{ITEM}/@Gateway.Table", None, ITEM, "@Gateway.Table is missing"),
    (f"{ITEM}/@Gateway.Table", "item", None, "must be schema.table"),
    (f"{ITEM}/@Gateway.Table", "stock." + "x" * 64, None, "must be schema.table"),
    (f"{ITEM}/@Gateway.Account", None, ITEM, "exactly one row policy"),
    (f"{ITEM}/@Gateway.Account", "", None, "is empty"),
    (f"{ITEM}/@Gateway.Account", "x" * 64, None, "Postgres cannot have this name"),
    (f"{ITEM}/@Gateway.Table", "", None, "is empty"),
    (f"{ITEM}/@Gateway.Unscoped", True, ITEM, "found 2"),
    ("/Depot/Supplier/@Gateway.Unscoped", False, None, "can only be true"),
    (f"{WAREHOUSE}/@Gateway.Membership", "stock.grants", None, "must be an object"),
    (f"{WAREHOUSE}/@Gateway.Membership/Member", None, f"{WAREHOUSE}/@Gateway.Membership", "Member is missing"),
    (f"{WAREHOUSE}/@Gateway.Membership/Extra", "x", None, "is not a member of a Membership"),
    (f"{WAREHOUSE}/@Gateway.Membership/Table", "grants", None, "must be schema.table"),
    (f"{ITEM}/$BaseType", "Depot.Base", None, "no entity type is called Depot.Base"),
    (f"{ITEM}/$OpenType", True, None, "not supported here"),
    (f"{ITEM}/$HasStream", True, ITEM, "a media entity has $HasStream and @Gateway.Media"),
    (f"{ITEM}/$Key", None, ITEM, "$Key is missing"),
    (f"{ITEM}/$Key", [], ITEM, "$Key is missing"),
    (f"{ITEM}/$Key", ["sku", "warehouse_code"], None, "in the order of $Key"),
    (f"{ITEM}/$Key", ["sku", "sku"], None, "twice"),
    (f"{ITEM}/$Key", ["nope"], f"{ITEM}/$Key/0", "has no property"),
    (f"{ITEM}/$Key", [{"a": "b/c"}], f"{ITEM}/$Key/0", "must be a string"),
    (f"{ITEM}/$Key", "sku", None, "must be an array of strings"),
    (f"{ITEM}/$Key", ["volume"], f"{ITEM}/volume/$Type", "Edm.Double cannot be a key"),
    (f"{ITEM}/$Key", ["bin"], f"{ITEM}/bin/$Nullable", "cannot be nullable"),
    (f"{ITEM}/$Key", ["cost"], f"{ITEM}/cost/@Gateway.Secret", "cannot be secret"),
    (f"{ITEM}/$Key", ["supplier"], f"{ITEM}/supplier", "cannot be part of the key"),
    (f"{ITEM}/bin", 7, None, "must be an object"),
    (f"{ITEM}/bad name", {}, None, "is not a name"),
    (f"{ITEM}/a~b", {}, f"{ITEM}/a~0b", "is not a name"),
    (f"{ITEM}/bin/$Kind", "Stream", None, "must be Property or NavigationProperty"),
    (f"{ITEM}/bin/$Type", "Edm.int16", None, "did you mean 'Edm.Int16'?"),
    (f"{ITEM}/bin/$Type", "Edm.PrimitiveType", None, "does not serve the type"),
    (f"{ITEM}/bin/$Type", 16, None, "must be a string"),
    (f"{ITEM}/bin/@Gateway.Form", "array", None, "is for collections"),
    (f"{ITEM}/bin/$Nullable", "yes", None, "must be true or false"),
    (f"{ITEM}/bin/$DefaultValue", 3, None, "not supported here"),
    (f"{ITEM}/bin/$SRID", 3, None, "Edm.Int16 has no $SRID"),
    (f"{ITEM}/bin/$MaxLength", 3, None, "Edm.Int16 has no $MaxLength"),
    (f"{ITEM}/bin/$Scale", 3, None, "Edm.Int16 has no $Scale"),
    (f"{ITEM}/price/$Precision", -1, None, "whole number"),
    (f"{ITEM}/price/$Scale", 2.5, None, "whole number"),
    (f"{ITEM}/price/$Scale", True, None, "whole number"),
    (f"{ITEM}/label/$MaxLength", 0, None, "at least 1"),
    (f"{ITEM}/counted_at/$Precision", 13, None, "at most 12"),
    (f"{ITEM}/bin/@Gateway.PgType", "text", None, "Edm.Int16 is read from int2, int4, int8"),
    (f"{ITEM}/bin/@Gateway.Column", "x" * 64, None, "Postgres cannot have this name"),
    (f"{ITEM}/price/@Gateway.Search", True, None, "Edm.Decimal is not Edm.String"),
    (f"{ITEM}/cost/@Gateway.Search", True, None, "a secret cannot be searched"),
    (f"{ITEM}/bin/@Gateway.Secrets", True, None, "did you mean '@Gateway.Secret'?"),
    (f"{ITEM}/bin/@Core.Description", "a\u0000b", None, "a character that XML cannot contain"),
    (f"{ITEM}/supplier/$Type", "Depot.Nope", None, "no entity type is called Depot.Nope"),
    (f"{ITEM}/supplier/$Type", None, f"{ITEM}/supplier", "$Type is missing"),
    (f"{ITEM}/supplier/$ContainsTarget", True, None, "not supported here"),
    (f"{ITEM}/supplier/$Partner", "nope", None, "Supplier has no navigation property nope"),
    (f"{ITEM}/supplier/$Partner", None, "/Depot/Supplier/items/$Partner", "does not lead back"),
    (f"{ITEM}/supplier/$ReferentialConstraint", None, f"{ITEM}/supplier", "has no join"),
    (
        f"{ITEM}/supplier/$ReferentialConstraint",
        {"nope": "id"},
        f"{ITEM}/supplier/$ReferentialConstraint/nope",
        "this type has no such property",
    ),
    (
        f"{ITEM}/supplier/$ReferentialConstraint",
        {"supplier_id": "nope"},
        f"{ITEM}/supplier/$ReferentialConstraint/supplier_id",
        "Supplier has no property nope",
    ),
    (
        f"{ITEM}/supplier/$ReferentialConstraint",
        {"sku": "id"},
        f"{ITEM}/supplier/$ReferentialConstraint/sku",
        "Edm.Int64 refers to Edm.Int32",
    ),
    (f"{ITEM}/supplier/$ReferentialConstraint", [], None, "must be an object"),
    (f"{ITEM}/supplier/@Gateway.Links", {"x": "stock.x"}, None, "need a @Gateway.Join"),
    ("/Depot/Supplier/items/$Nullable", True, None, "has no $Nullable"),
    ("/Depot/Supplier/items/$ReferentialConstraint", {"id": "sku"}, None, "belongs to the single-valued side"),
    (
        "/Depot/Supplier/items/@Gateway.Join",
        ["source.id = target.other"],
        "/Depot/Supplier/items",
        "its join differs from that of its partner",
    ),
    (f"{WAREHOUSE}/trusted/@Gateway.Join", "source.a = target.b", None, "must be an array of strings"),
    (f"{WAREHOUSE}/trusted/@Gateway.Join", ["source.a == target.b"], f"{WAREHOUSE}/trusted/@Gateway.Join/0", "column = column"),
    (f"{WAREHOUSE}/trusted/@Gateway.Join", ["source.a = 7"], f"{WAREHOUSE}/trusted/@Gateway.Join/0", "column = column"),
    (f"{WAREHOUSE}/trusted/@Gateway.Join", ["'x' = source.a"], f"{WAREHOUSE}/trusted/@Gateway.Join/0", "column = column"),
    (f"{WAREHOUSE}/trusted/@Gateway.Join", ["upper(source.a) = target.b"], f"{WAREHOUSE}/trusted/@Gateway.Join/0", "column = column"),
    (f"{WAREHOUSE}/trusted/@Gateway.Join", ["source.a = other.b"], f"{WAREHOUSE}/trusted/@Gateway.Join/0", "'other' is neither"),
    (f"{WAREHOUSE}/trusted/@Gateway.Join", ["source.a = target.b"], None, "no term connects trust with source"),
    (f"{WAREHOUSE}/trusted/@Gateway.Join", ["source.a = 'x'"], None, "no term connects trust and target with source"),
    (
        f"{WAREHOUSE}/trusted/@Gateway.Links",
        {"target": "stock.trust"},
        f"{WAREHOUSE}/trusted/@Gateway.Links/target",
        "cannot be called target",
    ),
    (f"{WAREHOUSE}/trusted/@Gateway.Links", {"trust": "trust"}, f"{WAREHOUSE}/trusted/@Gateway.Links/trust", "must be schema.table"),
    (f"{CONTAINER}/Items/$Collection", False, f"{CONTAINER}/Items", "only entity sets"),
    (
        "/Depot/Odd",
        {"$Kind": "EntityType", "$BaseType": "Depot.Nope", "@Gateway.DiscriminatorValue": "x"},
        "/Depot/Odd/$BaseType",
        "no entity type is called Depot.Nope",
    ),
    ("/Depot/Odd", {"$Kind": "EntityType", "$BaseType": "Depot.Item"}, None, "@Gateway.DiscriminatorValue is missing"),
    (
        "/Depot/Odd",
        {"$Kind": "EntityType", "$BaseType": "Depot.Odd", "@Gateway.DiscriminatorValue": "x"},
        "/Depot/Odd/$BaseType",
        "is derived from itself",
    ),
    (
        "/Depot/Odd",
        {"$Kind": "EntityType", "$BaseType": "Depot.Supplier", "@Gateway.DiscriminatorValue": "x"},
        "/Depot/Supplier",
        "@Gateway.Discriminator is missing",
    ),
    (
        "/Depot/Odd",
        {"$Kind": "EntityType", "$BaseType": "Depot.Supplier", "@Gateway.DiscriminatorValue": "x", "name": {}},
        "/Depot/Odd/name",
        "Supplier has this property",
    ),
    (
        "/Depot/Odd",
        {"$Kind": "EntityType", "$BaseType": "Depot.Supplier", "$Key": ["id"], "@Gateway.DiscriminatorValue": "x"},
        "/Depot/Odd/$Key",
        "not supported here",
    ),
    ("/Depot/Supplier/name/@Gateway.Function", "x", None, "must be schema.name"),
    ("/Depot/Supplier/id/@Gateway.Function", "stock.f", None, "none of a key"),
    (f"{ITEM}/label/@Gateway.Function", "stock.f", "/Depot/Item", "needs @Gateway.Unscoped"),
    (f"{CONTAINER}/do", {"$Action": "Depot.do"}, None, "only entity sets"),
    (f"{CONTAINER}/Me", {"$Type": "Depot.Nope"}, f"{CONTAINER}/Me/$Type", "no entity type is called Depot.Nope"),
    (
        f"{CONTAINER}/Me",
        {"$Type": "Depot.Supplier", "@Gateway.Key": {"x": 1}},
        f"{CONTAINER}/Me/@Gateway.Key",
        "must give the values of the key: id",
    ),
    (f"{CONTAINER}/Me", {"$Type": "Depot.Supplier", "@Gateway.Key": {"id": None}}, f"{CONTAINER}/Me/@Gateway.Key", "must have texts"),
    (f"{CONTAINER}/Items/$Type", "Depot.Nope", None, "no entity type is called Depot.Nope"),
    (f"{CONTAINER}/Items/$IncludeInServiceDocument", False, None, "not supported here"),
    (f"{CONTAINER}/Items/{NAV}/supplier", None, f"{CONTAINER}/Items", "supplier has no $NavigationPropertyBinding"),
    (f"{CONTAINER}/Items/{NAV}/supplier", "Nope", None, "no entity set is called Nope"),
    (f"{CONTAINER}/Items/{NAV}/supplier", "Warehouses", None, "is a set of Warehouse, supplier leads to Supplier"),
    (f"{CONTAINER}/Items/{NAV}/nope", "Items", None, "has no navigation property nope"),
    (f"{CONTAINER}/$Extends", "Depot.Base", None, "not supported here"),
    (f"{CONTAINER}/Suppliers", None, "/Depot/Supplier", "no entity set holds this type"),
]


@pytest.mark.parametrize(("path", "value", "place", "message"), MISTAKES, ids=[f"{p} {json.dumps(v)}" for p, v, _, _ in MISTAKES])
def test_a_mistake_is_found_and_placed(depot, path, value, place, message):
    _put(*path[1:].split("/"))(depot, value)
    found = _mistakes(depot)
    expected = path if place is None else place
    assert [m for m in found if m.path == expected and message in m.message], found


def test_all_mistakes_come_together(depot):
    depot["Depot"]["Item"]["bin"]["$Type"] = "Edm.Whole"
    depot["Depot"]["Supplier"]["@Gateway.Colour"] = "red"
    del depot["Depot"]["Warehouse"]["@Gateway.Membership"]
    del depot["Depot"]["Service"]["Items"][NAV]["supplier"]
    assert len(_mistakes(depot)) == 4


def test_the_message_lists_each_mistake_on_its_line(depot):
    depot["Depot"]["Item"]["bin"]["$Nullable"] = 1
    depot["Depot"]["Item"]["cost"]["$Nullable"] = 1
    with pytest.raises(ValueError, match=r"^/Depot/Item/bin/\$Nullable: must be true or false\n/Depot/Item/cost/\$Nullable: must be"):
        parse_model(depot)


@pytest.mark.parametrize("document", [None, [], 7, "x", True])
def test_a_document_that_is_no_object_is_a_mistake(document):
    assert _mistakes(document) == (Mistake("", "must be an object"),)


def test_an_empty_document_says_what_is_missing():
    assert {m.message for m in _mistakes({})} == {"$Version is missing", "$EntityContainer is missing", "declares no entity type"}


def test_any_value_anywhere_is_a_mistake_or_a_model_but_never_a_crash(depot):
    """Each member of the document in turn, replaced by values of every JSON type."""

    def walk(value: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [path] + [p for name, v in value.items() for p in walk(v, (*path, name))] if isinstance(value, dict) else [path]

    for path in walk(depot, ())[1:]:
        for value in (7, -1.5, True, "x", "", [], [7], {}, {"x": 1}, {"$Kind": "EntityType"}, [{}]):
            document = copy.deepcopy(depot)
            _put(*path)(document, value)
            try:
                parse_model(document)
            except ModelError as error:
                assert error.mistakes


# --- files --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b'{"$Version": "4.01", "$Version": "4.01"}', "an object has two members '$Version'"),
        (b"null", "must be an object"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_model(tmp_path, text, message):
    file = tmp_path / "model.json"
    file.write_bytes(text)
    with pytest.raises(ModelError, match=message.replace("$", r"\$")):
        load_model(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        load_model(tmp_path / "none.json")
