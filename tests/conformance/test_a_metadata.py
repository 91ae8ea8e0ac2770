"""Service document and $metadata."""

import pytest
from odata_gateway.types.primitive import PRIMITIVE_TYPES
from tests.harness.ask import ADMIN
from tests.harness.csdl import assert_valid_json, assert_valid_xml, read_json, read_xml

SETS = ["Message", "Conversation", "User", "Label", "Inbox"]
V401 = {"OData-MaxVersion": "4.01"}
CORE = "Org.OData.Core.V1"
CAPABILITIES = "Org.OData.Capabilities.V1"


@pytest.fixture(scope="module")
def document(ask):
    """$metadata for a client of 4.01, read into one neutral structure."""
    return read_xml(ask("$metadata", headers=V401).body)


def test_a01_the_service_document_is_at_the_root(ask):
    reply = ask("")
    assert reply.headers["content-type"] == "application/json;odata.metadata=minimal"
    assert reply.headers["odata-version"] == "4.0"
    body = reply.json()
    assert list(body) == ["@odata.context", "value"]
    assert body["@odata.context"] == f"{ask.root}$metadata"
    assert body["value"] == [{"name": name, "kind": "EntitySet", "url": name} for name in SETS]


def test_a02_the_root_needs_no_slash(ask):
    reply = ask.gateway.ask("GET", f"/v1.0/odata?apikey={ADMIN}")
    assert reply.status == 200
    assert reply.json()["@odata.context"] == f"{ask.root}$metadata"


@pytest.mark.parametrize("headers", [{"Accept": "application/xml"}, {"Accept": "application/xml"} | V401])
def test_a03_metadata_as_xml_is_valid(ask, headers):
    reply = ask("$metadata", headers=headers)
    assert reply.headers["content-type"] == "application/xml"
    assert_valid_xml(reply.body)


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}])
def test_a04_metadata_without_a_wish_is_xml(ask, headers):
    reply = ask("$metadata", headers=headers)
    assert reply.headers["content-type"] == "application/xml"
    assert b"<edmx:Edmx" in reply.body[:300]


def test_a05_metadata_as_csdl_json_is_valid(ask):
    reply = ask("$metadata?$format=json")
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.json()["$EntityContainer"] == "LiveAgent.Container" and reply.json()["$Version"] in ("4.0", "4.01")
    assert_valid_json(reply.body)


def test_a06_csdl_json_by_accept_is_for_clients_of_4_01(ask):
    """A client of 4.0 that names JSON alone still reads only XML (Breeze, Power Query), so the header counts from 4.01 on."""
    accept = {"Accept": "application/json"}
    assert ask("$metadata", headers=accept | V401).headers["content-type"].startswith("application/json")
    assert ask("$metadata", headers=accept).headers["content-type"] == "application/xml"
    both = {"Accept": "application/json, application/xml;q=0.5"}
    assert ask("$metadata", headers=both | V401).headers["content-type"] == "application/xml"


@pytest.mark.parametrize("value", ["xml", "application/xml", "XML"])
def test_a07_format_wins_over_accept(ask, value):
    reply = ask(f"$metadata?$format={value}", headers={"Accept": "application/json"} | V401)
    assert reply.headers["content-type"] == "application/xml"


def test_a08_a_client_of_4_0_gets_a_document_of_4_0(ask):
    reply = ask("$metadata", headers={"OData-MaxVersion": "4.0"})
    assert reply.headers["odata-version"] == "4.0"
    assert b'Version="4.0"' in reply.body[:300]
    for construct in (b"Edm.Untyped", b'Scale="floating"', b'Scale="variable"', b"EnumMember", b"edmx:Reference", b"Collection(Edm."):
        assert construct not in reply.body


def test_a09_both_forms_describe_the_same_model(ask, document):
    other = read_json(ask("$metadata?$format=json").body)
    assert document["container"] == other["container"]
    assert document["sets"] == other["sets"]
    assert document["types"] == other["types"]


def test_a10_every_type_is_one_of_edm_or_declared(document):
    declared = set(document["types"])
    for entity_type in document["types"].values():
        assert {p["type"] for p in entity_type["properties"].values()} <= set(PRIMITIVE_TYPES)
        assert {n["type"] for n in entity_type["navigation"].values()} <= declared
    assert {s["type"] for s in document["sets"].values()} == declared


def test_a11_facets_are_those_of_the_columns(document):
    for entity_type in document["types"].values():
        for prop in entity_type["properties"].values():
            assert prop["type"] != "Edm.DateTimeOffset" or prop["precision"] == 6
            assert prop["type"] != "Edm.Decimal" or prop["scale"] != 0


def test_a12_no_two_names_differ_only_in_case(document):
    scopes = [list(document["sets"])] + [[*t["properties"], *t["navigation"]] for t in document["types"].values()]
    for names in scopes:
        assert len({name.lower() for name in names}) == len(names)


def test_a13_the_versions_are_announced(document):
    assert "4.01" in document["annotations"][f"{CORE}.ODataVersions"]


def test_a14_nothing_can_be_written_and_what_is_missing_is_said(document):
    container = document["annotations"]
    assert container[f"{CAPABILITIES}.BatchSupported"] is True
    assert f"{CAPABILITIES}.ConformanceLevel" in container and f"{CAPABILITIES}.SupportedFormats" in container
    for entity_set in document["sets"].values():
        notes = entity_set["annotations"]
        for term, prop in (("InsertRestrictions", "Insertable"), ("UpdateRestrictions", "Updatable"), ("DeleteRestrictions", "Deletable")):
            assert notes[f"{CAPABILITIES}.{term}"][prop] is False
        assert notes[f"{CAPABILITIES}.SearchRestrictions"]["Searchable"] is True


def test_a15_names_come_back_in_the_case_of_metadata(ask):
    """Names are case-sensitive here, which 4.01 allows; the error suggests the right ones."""
    ask.error("message?$select=ID&$top=1", 404)
    error = ask.error("Message?$select=ID&$top=1", 400)
    assert "'id'" in error["message"]


def test_a16_the_metadata_etag_is_the_same_wherever_it_stands(ask):
    etag = ask("$metadata").headers["etag"]
    assert ask.json("Message?$top=1").get("@odata.metadataEtag", etag) == etag
    for target in ("Message?$top=1", "Message(1)", "Message(1)/id"):
        assert ask.json(target, {"Accept": "application/json;odata.metadata=full"})["@odata.metadataEtag"] == etag


def test_a17_an_unknown_schema_version_is_not_found(ask, sample):
    ask.error("Message?$schemaversion=nope", 404)
    ask.error("$metadata?$schemaversion=nope", 404)
    assert [row["id"] for row in ask("Message?$schemaversion=*&$top=1").rows] == sample.ids("Message")[:1]


@pytest.mark.parametrize(
    ("target", "option"),
    [
        ("$metadata?$filter=true", "$filter"),
        ("?$top=1", "$top"),
        ("$metadata?$select=id", "$select"),
        ("?$orderby=name", "$orderby"),
        ("?$foo=1", "$foo"),
    ],
)
def test_a18_options_that_do_not_apply_are_refused(ask, target, option):
    assert option in ask.error(target, 400, 501)["message"]
