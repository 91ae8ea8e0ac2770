"""The OpenAPI document beside the one that the converter of the mapping's authors (npm: odata-openapi) makes of the same model.

What differs is listed here, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from odata_gateway.edm.csdl import load_model
from odata_gateway.protocol.metadata.document import csdl_json
from odata_gateway.protocol.metadata.openapi.document import USUAL_TERMS, write_openapi
from tests.harness.cluster import SQL_FOLDER
from tests.harness.csdl import DATA
from tests.harness.gateway import ROOT

PROGRAM = Path(__file__).parents[1] / "harness" / "openapi" / "node_modules" / "odata-openapi" / "lib" / "cli.js"
MORE_OPTIONS = {"apply", "compute", "format", "Prefer"}
"""Options that the mapping leaves out, and the service has."""
NUMBERS_AND_TEXTS = {"int64", "decimal"}
"""The converter lets these be texts as well, which they are for clients that ask for IEEE754Compatible."""

FORMATS_OF_OTHERS = {"time", "duration"}
"""Of a time with an offset, and of a duration without a sign and without fractions of a second."""
NORTHWIND = {
    "Categories": "Category; CategoryID:Int32; CategoryName:String(15); Description:String?; Picture:Binary?; Products>*Product",
    "Customers": "Customer; CustomerID:String(5); CompanyName:String(40); City:String(15)?; Country:String(15)?; Orders>*Order",
    "Employees": "Employee; EmployeeID:Int32; LastName:String(20); BirthDate:DateTimeOffset?; ReportsTo:Int32?; Orders>*Order; Boss>Employee",
    "Order_Details": "Order_Detail; OrderID:Int32! ProductID:Int32!; UnitPrice:Decimal; Quantity:Int16; Discount:Single; Order>Order; Product>Product",
    "Orders": "Order; OrderID:Int32; OrderDate:DateTimeOffset?; Freight:Decimal?; ShipCity:String(15)?; Customer>Customer; Order_Details>*Order_Detail",
    "Products": "Product; ProductID:Int32; ProductName:String(40); UnitsInStock:Int16?; Discontinued:Boolean; Category>Category; Supplier>Supplier",
    "Suppliers": "Supplier; SupplierID:Int32; CompanyName:String(40); HomePage:String?; Products>*Product",
    "Alphabetical_list_of_products": "Listed; ProductID:Int32! ProductName:String! Discontinued:Boolean!; UnitPrice:Decimal?",
}  # fmt: skip
"""Entity sets of the Northwind sample: the type, its key, properties, and links; `?` may be null, `!` is one of several keys."""


def northwind():
    """Northwind in CSDL JSON, as the gateway writes it."""
    schema, sets = {}, {"$Kind": "EntityContainer", "@Capabilities.KeyAsSegmentSupported": True}
    types = {text.partition(";")[0]: name for name, text in NORTHWIND.items()}
    for name, text in NORTHWIND.items():
        type_, *members = (part.strip() for part in text.split(";"))
        keys = [each.rstrip("!") for each in members[0].split()]
        element = {"$Kind": "EntityType", "$Key": [each.partition(":")[0] for each in keys]}
        bindings = {}
        for member in (*keys, *members[1:]):
            prop, is_property, declared = member.partition(":")
            if is_property:
                edm, _, length = declared.rstrip("?").rstrip(")").partition("(")
                facets = {"$Nullable": True} if declared.endswith("?") else {}
                element[prop] = {"$Type": f"Edm.{edm}", **facets, **({"$MaxLength": int(length)} if length else {})}
            else:
                link, _, target = member.partition(">")
                to_many = {"$Collection": True} if target.startswith("*") else {"$Nullable": True}
                element[link] = {"$Kind": "NavigationProperty", "$Type": f"Northwind.{target.lstrip('*')}", **to_many}
                bindings[link] = types[target.lstrip("*")]
        schema[type_] = element
        unordered = [each for each, prop in element.items() if isinstance(prop, dict) and prop["$Type"] == "Edm.Binary"]
        sets[name] = {"$Collection": True, "$Type": f"Northwind.{type_}", "$NavigationPropertyBinding": bindings}
        sets[name] |= {"@Capabilities.SortRestrictions": {"NonSortableProperties": unordered}} if unordered else {}
    document = {"$Version": "4.01", "$EntityContainer": "Northwind.Service", "Northwind": {**schema, "Service": sets}}
    vocabulary = {"$Include": [{"$Namespace": "Org.OData.Capabilities.V1", "$Alias": "Capabilities"}]}
    return json.dumps({**document, "$Reference": {"https://example.com/Capabilities.json": vocabulary}}).encode()


MODELS = {
    "live agent": lambda _: csdl_json(load_model()),
    "depot": lambda _: csdl_json(load_model(DATA / "depot.json")),
    "northwind": lambda _: northwind(),
    "shop": lambda request: request.getfixturevalue("shop"),
}


@pytest.fixture(scope="module")
def shop(cluster, tmp_path_factory):
    """The shop in CSDL JSON, read from its database."""
    cluster.psql("postgres", "CREATE DATABASE shop_openapi")
    cluster.psql("shop_openapi", (SQL_FOLDER.parents[2] / "sql" / "shop" / "shop.sql").read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "odata_gateway", "model"]
    settings = {"ODATA_DSN": cluster.dsn(user="shop_gateway", database="shop_openapi"), "ODATA_SCHEMAS": "shop", "PATH": os.environ["PATH"]}
    made = subprocess.run(command, env=settings, cwd=ROOT, check=True, capture_output=True)
    path = tmp_path_factory.mktemp("shop") / "model.json"
    path.write_bytes(made.stdout)
    yield csdl_json(load_model(path))
    cluster.psql("postgres", "DROP DATABASE shop_openapi WITH (FORCE); DROP ROLE shop_gateway; DROP ROLE shop_analyst")


@pytest.fixture(params=MODELS, scope="module")
def documents(request, tmp_path_factory):
    """Ours and theirs."""
    folder, csdl = tmp_path_factory.mktemp("csdl"), MODELS[request.param](request)
    (folder / "model.json").write_bytes(csdl)
    options = ["--openapi-version", "3.1.0", "--levels", "2", "--target", str(folder / "theirs.json")]
    subprocess.run(["node", str(PROGRAM), *options, str(folder / "model.json")], check=True, capture_output=True)
    ours = json.loads(write_openapi(csdl, "http://host/v1.0/odata", "1", USUAL_TERMS))
    return ours, json.loads((folder / "theirs.json").read_text())


def resolved(document, value):
    while isinstance(value, dict) and "$ref" in value:
        reference, value = value["$ref"], document
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
    return value


def test_paths_differ_in_numbers_batches_functions_and_keys_in_parentheses(documents):
    """`$count` is no path of the mapping, a batch is no GET, and the service has no keys of several properties as segments. The converter
    leaves alternate keys out, and gives a function no parentheses, which the service needs where overloads are several."""
    ours, theirs = (set(document["paths"]) for document in documents)
    assert {plain(path) for path in ours if not path.endswith("/$count") and "={" not in path and "='{" not in path} == {
        path for path in theirs if path != "/$batch" and "={" not in path and path.count("/{") < 2
    }
    several = {path for path in theirs if "={" in path or path.count("/{") > 1}
    assert len(several) == len({path for path in ours if re.search(r"=.*,.*\)", path) and "@" not in path and "$count" not in path})


def plain(path):
    """Without the arguments of a function."""
    return re.sub(r"\(([^()]*=@[^()]*)?\)$", "", path)


def names(document, item):
    return {resolved(document, each)["name"].removeprefix("$") for each in item["get"]["parameters"]}


def test_parameters_differ_in_what_the_mapping_leaves_out(documents):
    """Their names begin with `$` here, which any version of OData takes."""
    ours, theirs = documents
    for path in set(ours["paths"]) & set(theirs["paths"]):
        own, other = names(ours, ours["paths"][path]), names(theirs, theirs["paths"][path])
        assert own - other <= MORE_OPTIONS and not other - own, path


def listed(document, item, name):
    for each in (resolved(document, parameter) for parameter in item["get"]["parameters"]):
        if each["name"].removeprefix("$") == name:
            items = each["schema"]["items"]
            return set((items["anyOf"][0] if "anyOf" in items else items)["enum"])
    return set()


def test_lists_name_the_same_and_take_other_texts_too(documents):
    """Paths, expressions and nested options may stand there, so that the enumerations are open here."""
    ours, theirs = documents
    for path in set(ours["paths"]) & set(theirs["paths"]):
        for option in ("select", "expand", "orderby"):
            assert listed(ours, ours["paths"][path], option) == listed(theirs, theirs["paths"][path], option), (path, option)


def summary(schema):
    """The types of a value and its format, or what it refers to."""
    if "anyOf" in schema:
        return set().union(*map(summary, schema["anyOf"]))
    if schema.get("type") == "array":
        return {"array", *summary(schema["items"])}
    if "$ref" in schema:
        return {schema["$ref"]}
    types = schema.get("type", [])
    return set([types] if isinstance(types, str) else types) | {schema.get("format") or schema.get("contentEncoding") or ""} - {""}


def test_schemas_say_the_same_of_every_property(documents):
    """Descriptions are `description` here and `title` there. Wide numbers may be texts there, and numbers with an exponent may be the
    texts INF, -INF and NaN here. JSON Schema's formats of times of day and durations are not OData's, so that these have a pattern here."""
    _, theirs = documents
    written = {name for name in theirs["components"]["schemas"] if name.endswith(("-create", "-update"))}
    for name in set(theirs["components"]["schemas"]) - written - {"count", "error"}:
        own, other = (document["components"]["schemas"][name]["properties"] for document in documents)
        assert {each.replace("@odata.", "@") for each in own if not each.endswith("nextLink")} == set(other)
        for prop, schema in other.items():
            if "@" not in prop:
                found, expected = summary(own[prop]), summary(schema)
                assert not expected & FORMATS_OF_OTHERS or own[prop]["pattern"], (name, prop)
                expected -= FORMATS_OF_OTHERS
                more = {"string"} if expected & NUMBERS_AND_TEXTS else set()
                assert found - {"string"} == expected - {"string"} and expected - found <= more, (name, prop)
                assert own[prop].get("description", "").startswith(schema.get("title", ""))


def test_both_are_of_one_version_and_describe_errors_alike(documents):
    ours, theirs = documents
    assert ours["openapi"] == theirs["openapi"]
    functions = {item["get"]["tags"][0] for path, item in ours["paths"].items() if path != plain(path)}
    assert [tag["name"] for tag in ours["tags"] if tag["name"] not in functions] == [tag["name"] for tag in theirs["tags"]]
    own, other = (document["components"]["schemas"]["error"]["properties"]["error"] for document in documents)
    assert set(own["properties"]) == set(other["properties"]) and set(own["required"]) >= set(other["required"])
