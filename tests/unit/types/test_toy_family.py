"""A type family is one object: this file adds one, over Postgres's inet, and the program serves it in every place that knows types.

Nothing but the definition below is added anywhere.
"""

from __future__ import annotations

import ipaddress
import json
from urllib.parse import quote

import pytest
from odata_gateway.edm.csdl import parse_model
from odata_gateway.protocol.batch.references import literals
from odata_gateway.types.family import ArgumentType, ColumnReading, LiteralForm, Operation, PrimitiveType, TypeFamily
from odata_gateway.types.faults import ValueFault
from odata_gateway.types.registry import registered
from tests.harness import tokens
from tests.harness.inside import ROOT, inside

# --- the definition -----------------------------------------------------------------------------------------------------------------


def read_address(text: str) -> str:
    try:
        return str(ipaddress.ip_interface(text)).removesuffix("/32").removesuffix("/128")
    except ValueError:
        raise ValueFault("literal", f"'{text}' is not an address", "write it like address'10.0.0.1'") from None


ADDRESSES = TypeFamily(
    name="address",
    label="Address",
    noun="an address",
    literal=LiteralForm(read=read_address, from_text=lambda text, type_: read_address(text), prefix="address", quoted=True),
    argument=lambda value, mode: read_address(str(value)),
    argument_type=ArgumentType("text", "inet"),
    columns={"inet": ColumnReading(pinned="{0}::inet")},
    text="abbrev({0})",
    link_literal="'address''' || replace(abbrev({0}), '/', '%2F') || ''''",
    operations=(
        Operation("sub", "address", "address", "Edm.Int64", "({0} - {1})"),
        Operation("add", "address", "integer", "Edm.Address", "({0} + {1})"),
    ),
)
ADDRESS = PrimitiveType(
    "Edm.Address",
    ADDRESSES,
    "inet",
    ("inet",),
    literal_kind="address",
    casts={"string": "(CASE WHEN {0} ~ '^[0-9]{{1,2}}([.][0-9]{{1,2}}){{3}}$' THEN {0}::inet END)"},
)

# --- a table and a model that have it -----------------------------------------------------------------------------------------------

TABLES = """
CREATE TABLE public.toy_hosts (address inet PRIMARY KEY, name text NOT NULL);
INSERT INTO public.toy_hosts VALUES ('10.0.0.1', 'a'), ('9.0.0.1', 'b'), ('10.0.0.2', 'c'), ('10.0.0.1/8', 'd');
CREATE TABLE public.toy_devices (id int4 PRIMARY KEY, name text NOT NULL, address inet, via inet REFERENCES public.toy_hosts);
INSERT INTO public.toy_devices VALUES (1, 'x', '10.0.0.20', '10.0.0.1'), (2, 'y', '10.0.0.3', '10.0.0.1'), (3, 'z', NULL, '10.0.0.1'),
  (4, 'x', '9.1.1.1', '9.0.0.1'), (5, '10.0.0.7', '10.0.0.3', NULL);
GRANT SELECT ON public.toy_hosts, public.toy_devices TO PUBLIC;
"""
MODEL = {
    "$Version": "4.01",
    "$EntityContainer": "Toy.Service",
    "Toy": {
        "Host": {
            "$Kind": "EntityType", "$Key": ["address"], "@Gateway.Table": "public.toy_hosts", "@Gateway.Unscoped": True,
            "address": {"$Type": "Edm.Address"}, "name": {},
            "devices": {
                "$Kind": "NavigationProperty", "$Type": "Toy.Device", "$Collection": True, "$Partner": "host",
                "@Gateway.Join": ["target.via = source.address"],
            },
        },
        "Device": {
            "$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": "public.toy_devices", "@Gateway.Unscoped": True,
            "id": {"$Type": "Edm.Int32"}, "name": {}, "address": {"$Type": "Edm.Address", "$Nullable": True},
            "via": {"$Type": "Edm.Address", "$Nullable": True},
            "host": {
                "$Kind": "NavigationProperty", "$Type": "Toy.Host", "$Nullable": True, "$Partner": "devices",
                "$ReferentialConstraint": {"via": "address"},
            },
        },
        "Service": {
            "$Kind": "EntityContainer", **tokens.TABLES,
            "Hosts": {"$Collection": True, "$Type": "Toy.Host", "$NavigationPropertyBinding": {"devices": "Devices"}},
            "Devices": {"$Collection": True, "$Type": "Toy.Device", "$NavigationPropertyBinding": {"host": "Hosts"}},
        },
    },
}  # fmt: skip


DATABASE = "toy_family"


@pytest.fixture(scope="module")
def settings(tmp_path_factory, cluster, database):
    """The DSN of a database, and the file of a model, that have the type."""
    cluster.psql(DATABASE, TABLES)
    path = tmp_path_factory.mktemp("toy") / "toy.json"
    path.write_text(json.dumps(MODEL))
    return database.reader, str(path)


@pytest.fixture
async def toy(settings):
    """The program with the family."""
    dsn, model = settings
    with registered(ADDRESS):
        async with inside(dsn, ODATA_MODEL=model) as running:
            yield running


async def ids(toy, target):
    answer = await toy.ask(target)
    assert answer.status == 200, answer.body
    return [row["id"] for row in answer.json()["value"]]


async def test_metadata_names_the_type(toy):
    xml = (await toy.ask("$metadata")).body.decode()
    assert '<Property Name="address" Type="Edm.Address" Nullable="false"/>' in xml
    document = (await toy.ask("$metadata?$format=json")).json()
    assert document["Toy"]["Device"]["address"] == {"$Type": "Edm.Address", "$Nullable": True}


async def test_a_row_has_its_text_and_full_metadata_its_type_and_its_key(toy):
    [row] = (await toy.ask("Hosts?$filter=name eq 'd'", headers={"accept": "application/json;odata.metadata=full"})).json()["value"]
    assert row["address"] == "10.0.0.1/8" and row["address@odata.type"] == "#Address"
    assert row["@odata.id"] == "Hosts(address'10.0.0.1%2F8')"
    assert (await toy.ask(row["@odata.id"])).json()["name"] == "d"
    assert (await toy.ask("Devices(3)")).json()["address"] is None
    assert (await toy.ask("Devices(2)/address/$value")).body == b"10.0.0.3"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("address eq address'10.0.0.3'", [2, 5]),
        ("address'10.0.0.3' eq address", [2, 5]),
        ("address eq '10.0.0.3'", [2, 5]),
        ("address ne address'10.0.0.3'", [1, 3, 4]),
        ("address lt address'10.0.0.3'", [4]),
        ("address ge Address'10.0.0.3'", [1, 2, 5]),
        ("address in (address'9.1.1.1',address'10.0.0.20')", [1, 4]),
        ("address in (address'9.1.1.1',null)", [3, 4]),
        ("address eq null", [3]),
        ("via eq host/address and address gt host/address", [1, 2, 4]),
        ("address eq @a&@a=address'9.1.1.1'", [4]),
        ("[address,via] eq [address'9.1.1.1',address'9.0.0.1']", [4]),
        ("hassubset([address,via],[address'9.1.1.1'])", [4]),
        ("contains(cast(address,Edm.String),'.3')", [2, 5]),
        ("address sub via gt 5", [1, 4]),
        ("address add 1 eq address'10.0.0.4'", [2, 5]),
        ("cast(name,Edm.Address) eq address'10.0.0.7'", [5]),
        ("cast('10.0.0.3',Edm.Address) eq address", [2, 5]),
        ("cast('nonsense',Edm.Address) eq address", [3]),
        ("isof(address,Edm.Address)", [1, 2, 4, 5]),
        ("case(id eq 1:via,true:address) eq address'10.0.0.1'", [1]),
    ],
)
async def test_a_condition_computes_with_it(toy, condition, found):
    assert await ids(toy, f"Devices?$filter={condition}&$orderby=id") == found


async def test_pages_follow_its_order(toy):
    paging = {"prefer": "maxpagesize=1"}
    pages = await toy.pages("Devices?$orderby=address desc&$select=id", headers=paging)
    assert [row["id"] for page in pages for row in page] == [1, 2, 5, 4, 3]
    hosts = await toy.pages("Hosts?$select=name", headers=paging)
    assert [row["name"] for page in hosts for row in page] == ["b", "d", "a", "c"]


@pytest.mark.parametrize("key", ["(address'10.0.0.2')", "(address='10.0.0.2')", "('10.0.0.2')", "/10.0.0.2", "(@k)?@k=address'10.0.0.2'"])
async def test_a_key_finds_its_entity(toy, key):
    assert (await toy.ask(f"Hosts{key}")).json()["name"] == "c"


async def test_what_is_not_a_value_is_refused_with_its_place(toy):
    for target, code, said in [
        ("Devices?$filter=address eq address'10.0.0'", "Url.Literal", "'10.0.0' is not an address; write it like address'10.0.0.1'"),
        ("Devices?$filter=address eq 1", "Bind.Type", "a literal of type Edm.Int32 cannot be compared with Edm.Address"),
        ("Devices?$filter=address eq 'here'", "Url.Literal", "'here' is not an address"),
        ("Devices?$filter=length(address) eq 1", "Bind.Type", "length cannot be applied to (Edm.Address)"),
        ("Hosts/here", "Bind.Segment", "'here' is neither a segment nor a key here"),
    ]:
        answer = await toy.ask(target)
        assert answer.code == code and said in answer.json()["error"]["message"] + "; " + answer.body.decode(), answer.body


async def test_apply_aggregates_and_groups_by_it(toy):
    assert (await toy.ask("Devices?$apply=aggregate(address with min as least,address with max as most)")).json()["value"] == [
        {"@odata.id": None, "least@odata.type": "#Address", "least": "9.1.1.1", "most@odata.type": "#Address", "most": "10.0.0.20"}
    ]
    groups = (await toy.ask("Devices?$apply=groupby((address),aggregate($count as n))&$orderby=address")).json()["value"]
    assert [(group["address"], group["n"]) for group in groups] == [(None, 1), ("9.1.1.1", 1), ("10.0.0.3", 2), ("10.0.0.20", 1)]
    [counted] = (await toy.ask("Devices?$apply=aggregate(address with countdistinct as n)")).json()["value"]
    assert counted["n"] == 3


async def test_a_nested_next_link_keeps_its_literal(toy):
    target = "Hosts?$expand=devices($select=id;$filter=address ne address'10.0.0.3';$orderby=address desc)&$filter=name eq 'a'"
    [host] = (await toy.ask(target, headers={"prefer": "maxpagesize=1"})).json()["value"]
    assert [device["id"] for device in host["devices"]] == [1]
    link = host["devices@odata.nextLink"]
    assert link.startswith(ROOT + "Hosts(address'10.0.0.1')/devices?$filter=") and quote("address'10.0.0.3'", safe="'") in link
    assert await ids(toy, link) == [3]


async def test_a_later_part_of_a_batch_can_refer_to_its_value(toy):
    model = parse_model(MODEL)
    found = literals((await toy.ask("Devices(2)")).body, [("address",)], model.entity_types["Device"], model)
    assert found == {("address",): "address'10.0.0.3'"}
    assert await ids(toy, f"Devices?$filter=address eq {found['address',]}") == [2, 5]
