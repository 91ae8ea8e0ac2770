"""$metadata: both forms valid, equal to each other and to the model, and nothing in a 4.0 document that older readers trip over."""

import json
import re

import pytest
from lxml import etree
from odata_gateway.edm.csdl import load_model
from odata_gateway.edm.model import Model
from odata_gateway.protocol.metadata.capabilities import CAPABILITIES, Annotation, Capabilities
from odata_gateway.protocol.metadata.document import csdl_json, csdl_xml, metadata_etag
from odata_gateway.types.primitive import PRIMITIVE_TYPES
from odata_gateway.types.registry import FUNCTIONS
from tests.harness.csdl import DATA, EDM, EDMX, assert_valid_json, assert_valid_xml, read_json, read_xml

MODELS = {"live agent": load_model(), "depot": load_model(DATA / "depot.json")}


@pytest.fixture(params=MODELS, scope="module")
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]


LIVE_AGENT = MODELS["live agent"]


def test_a03_xml_is_valid_against_the_schemas(model):
    assert_valid_xml(csdl_xml(model))
    assert_valid_xml(csdl_xml(model, version="4.01"))


def test_a04_the_root_element_is_edmx():
    body = csdl_xml(LIVE_AGENT)
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert b"<edmx:Edmx " in body


def test_a05_json_is_valid_against_the_schema(model):
    body = csdl_json(model)
    assert_valid_json(body)
    assert json.loads(body)["$EntityContainer"] == f"{model.namespace}.{model.container}"
    assert json.loads(csdl_json(LIVE_AGENT))["$EntityContainer"] == "LiveAgent.Container"


def test_a08_the_4_0_document_has_nothing_of_4_01(model):
    body = csdl_xml(model)
    root = etree.fromstring(body)
    assert root.tag == f"{EDMX}Edmx"
    assert root.get("Version") == "4.0"
    assert not root.findall(f"{EDMX}Reference")
    for absent in (b"Edm.Untyped", b'"floating"', b"EnumMember", b"<Record", b"<Collection", b"NavigationPropertyPath", b"Gateway"):
        assert absent not in body
    for annotation in root.iter(f"{EDM}Annotation"):
        assert len(annotation) == 0
        assert set(annotation.keys()) in ({"Term", "Bool"}, {"Term", "String"})
        assert re.fullmatch(r"Org\.OData\.(Core|Capabilities)\.V1\.[A-Za-z]+", annotation.get("Term"))


def test_the_4_01_document_says_so_and_declares_its_vocabularies(model):
    root = etree.fromstring(csdl_xml(model, version="4.01"))
    assert root.get("Version") == "4.01"
    included = {i.get("Namespace") for i in root.iter(f"{EDMX}Include")}
    used = {a.get("Term").rpartition(".")[0] for a in root.iter(f"{EDM}Annotation")}
    assert used <= included


def test_a09_xml_and_json_describe_the_same_model(model):
    assert read_xml(csdl_xml(model, version="4.01")) == read_json(csdl_json(model))


def _without_annotations(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_annotations(v) for name, v in value.items() if name != "annotations"}
    return value


def test_a09_the_4_0_document_differs_in_annotations_and_floating_scales_alone():
    old, new = read_xml(csdl_xml(LIVE_AGENT)), read_xml(csdl_xml(LIVE_AGENT, version="4.01"))
    assert _without_annotations(old) == _without_annotations(new)
    depot = read_xml(csdl_xml(MODELS["depot"]))["types"]["Depot.Item"]["properties"]
    assert depot["ratio"]["scale"] == "variable"


def test_the_document_equals_the_model(model):
    found = read_json(csdl_json(model))
    assert set(found["types"]) == {t.qualified_name for t in model.entity_types.values()}
    for entity_type in model.entity_types.values():
        read = found["types"][entity_type.qualified_name]
        assert read["key"] == [p.name for p in entity_type.key]
        assert {n: (p["type"], p["nullable"]) for n, p in read["properties"].items()} == {
            p.name: (p.type.name, p.nullable) for p in entity_type.properties.values()
        }
        assert {n: (p["collection"], p["partner"], p["constraint"]) for n, p in read["navigation"].items()} == {
            n.name: (n.collection, n.partner, dict(n.constraint)) for n in entity_type.navigation.values()
        }
    assert {n: (s["type"], s["bindings"]) for n, s in found["sets"].items()} == {
        s.name: (s.entity_type.qualified_name, dict(s.bindings)) for s in model.entity_sets.values()
    }


def test_a10_every_type_is_of_csdl_or_declared(model):
    found = read_xml(csdl_xml(model))
    for entity_type in found["types"].values():
        assert {p["type"] for p in entity_type["properties"].values()} <= set(PRIMITIVE_TYPES)
        assert {n["type"] for n in entity_type["navigation"].values()} <= set(found["types"])
    assert {s["type"] for s in found["sets"].values()} <= set(found["types"])


def test_every_reference_inside_the_document_leads_somewhere(model):
    """What the schemas do not notice: keys, partners, constraints and bindings that name nothing."""
    found = read_xml(csdl_xml(model))
    for name, entity_type in found["types"].items():
        properties = entity_type["properties"]
        assert entity_type["key"]
        assert not any(properties[key]["nullable"] for key in entity_type["key"])
        for navigation_name, navigation in entity_type["navigation"].items():
            target = found["types"][navigation["type"]]
            for dependent, principal in navigation["constraint"].items():
                assert properties[dependent]["type"] == target["properties"][principal]["type"]
            if navigation["partner"]:
                back = target["navigation"][navigation["partner"]]
                assert (back["type"], back["partner"]) == (name, navigation_name)
    for entity_set in found["sets"].values():
        navigation = found["types"][entity_set["type"]]["navigation"]
        assert set(entity_set["bindings"]) == set(navigation)
        for path, target in entity_set["bindings"].items():
            assert found["sets"][target]["type"] == navigation[path]["type"]


def test_a11_facets_are_those_of_the_columns():
    found = read_xml(csdl_xml(LIVE_AGENT))
    for entity_type in found["types"].values():
        for prop in entity_type["properties"].values():
            assert prop["precision"] == (6 if prop["type"] == "Edm.DateTimeOffset" else None)
            assert prop["max_length"] is None
    price = read_xml(csdl_xml(MODELS["depot"]))["types"]["Depot.Item"]["properties"]["price"]
    assert (price["precision"], price["scale"]) == (12, 2)


def test_a12_no_names_in_one_scope_differ_in_case_alone(model):
    found = read_xml(csdl_xml(model))
    scopes = [found["sets"], *({**t["properties"], **t["navigation"]} for t in found["types"].values())]
    assert all(len({name.lower() for name in scope}) == len(scope) for scope in scopes)


def test_a13_the_versions_are_annotated():
    assert read_json(csdl_json(LIVE_AGENT))["annotations"]["Org.OData.Core.V1.ODataVersions"] == "4.01"


def test_a14_the_capabilities_say_what_cannot_be_done():
    found = read_xml(csdl_xml(LIVE_AGENT, version="4.01"))
    capabilities = "Org.OData.Capabilities.V1."
    for entity_set in found["sets"].values():
        annotations = {name.removeprefix(capabilities): value for name, value in entity_set["annotations"].items()}
        assert annotations["InsertRestrictions"] == {"Insertable": False}
        assert annotations["UpdateRestrictions"] == {"Updatable": False}
        assert annotations["DeleteRestrictions"] == {"Deletable": False}
    container = {name.removeprefix(capabilities): value for name, value in found["annotations"].items()}
    assert "application/json" in container["SupportedFormats"]
    assert container["ConformanceLevel"] in ("Minimal", "Intermediate", "Advanced")
    own = {name for name, overloads in FUNCTIONS.items() if not overloads[0].located}
    assert own <= {name.lower() for name in container["FilterFunctions"]}
    assert not any(name.startswith("geo.") for name in container["FilterFunctions"])
    assert "matchesPattern" in container["FilterFunctions"]


def test_a14_the_secret_properties_are_annotated_as_not_filterable():
    found = read_json(csdl_json(LIVE_AGENT))["sets"]
    secrets = {p.name for p in LIVE_AGENT.entity_types["User"].properties.values() if p.secret}
    annotations = found["User"]["annotations"]
    assert set(annotations["Org.OData.Capabilities.V1.FilterRestrictions"]["NonFilterableProperties"]) == secrets
    assert set(annotations["Org.OData.Capabilities.V1.SortRestrictions"]["NonSortableProperties"]) == secrets
    assert "Org.OData.Capabilities.V1.FilterRestrictions" not in found["Message"]["annotations"]


@pytest.mark.parametrize("body", [csdl_xml(LIVE_AGENT), csdl_json(LIVE_AGENT)], ids=["xml", "json"])
def test_secret_properties_stay_and_say_that_they_read_as_null(body):
    found = (read_json if body.startswith(b"{") else read_xml)(body)["types"]["LiveAgent.User"]["properties"]
    for prop in LIVE_AGENT.entity_types["User"].properties.values():
        description = found[prop.name]["annotations"].get("Org.OData.Core.V1.Description", "")
        assert ("always reads as null" in description) == prop.secret


def test_a16_the_entity_tag_is_weak_stable_and_follows_the_body():
    tag = metadata_etag(csdl_xml(LIVE_AGENT))
    assert re.fullmatch(r'W/"[0-9a-f]{16}"', tag)
    assert metadata_etag(csdl_xml(load_model())) == tag
    bodies = [csdl_xml(LIVE_AGENT), csdl_xml(LIVE_AGENT, version="4.01"), csdl_json(LIVE_AGENT), csdl_xml(MODELS["depot"])]
    assert len({metadata_etag(body) for body in bodies}) == 4


def test_nothing_of_the_database_is_shown():
    for body in (csdl_xml(LIVE_AGENT), csdl_xml(LIVE_AGENT, version="4.01"), csdl_json(LIVE_AGENT)):
        for word in (
            b"Gateway",
            b"public.",
            b"account_users",
            b"taggings",
            b"inbox_members",
            b"out_of_office_message",
            b"jsonb",
            b"timestamp",
        ):
            assert word not in body


def test_a_flipped_capability_shows_in_both_forms():
    capabilities = Capabilities((Annotation("Capabilities.BatchSupported", True, since="4.0"),), CAPABILITIES.entity_set)
    for found in (read_xml(csdl_xml(LIVE_AGENT, capabilities)), read_json(csdl_json(LIVE_AGENT, capabilities))):
        assert found["annotations"] == {"Org.OData.Capabilities.V1.BatchSupported": True}


def test_text_is_escaped():
    found = read_xml(csdl_xml(MODELS["depot"]))["types"]["Depot.Warehouse"]["annotations"]
    assert found["Org.OData.Core.V1.Description"] == 'Somewhere things <are> kept & "counted"'
