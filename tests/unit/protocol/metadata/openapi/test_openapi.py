"""The OpenAPI document: valid, whole, and each request that it shows is one that the service takes."""

from __future__ import annotations

import json
import re
from functools import reduce
from urllib.parse import quote

import jsonschema_rs
import orjson
import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.edm.csdl import load_model
from odata_gateway.handlers.service import compiler_for
from odata_gateway.protocol.metadata.document import MetadataDocuments, csdl_json
from odata_gateway.protocol.metadata.openapi.csdl import CsdlElements
from odata_gateway.protocol.metadata.openapi.document import USUAL_TERMS, ApiTerms, write_openapi
from odata_gateway.protocol.metadata.openapi.schemas import member_schema, value_schema
from odata_gateway.types.registry import PRIMITIVE_TYPES
from openapi_spec_validator import validate
from tests.harness.csdl import DATA

MODELS = {"live agent": load_model(), "depot": load_model(DATA / "depot.json")}
REFERENCE = load_model(DATA / "reference.json")
KEYS = {"Items": "(warehouse_code='{warehouse_code}',sku={sku})"}
"""Of several properties."""
ROOT = "http://host/v1.0/odata/"
WHOLE = {
    "$Version": "4.01",
    "$EntityContainer": "Zoo.Container",
    "Zoo": {
        "$Alias": "Z",
        "Colour": {"$Kind": "EnumType", "Red": 0, "Red@Core.Description": "As blood", "Blau/Grün": 1},
        "Days": {"$Kind": "EnumType", "$IsFlags": True, "Mon": 1, "Tue": 2},
        "Weight": {"$Kind": "TypeDefinition", "$UnderlyingType": "Edm.Decimal"},
        "Place": {"$Kind": "ComplexType", "$OpenType": True, "street": {"$MaxLength": 40}, "within": {"$Type": "Z.Place", "$Nullable": True}},
        "Being": {"$Kind": "EntityType", "$Abstract": True, "$Key": ["code"], "code": {}, "@Core.Description": "Anything alive"},
        "Tier": {
            "$Kind": "EntityType",
            "$BaseType": "Z.Being",
            "@Core.AlternateKeys": [
                {"Key": [{"Name": "diet", "Alias": "food"}, {"Name": "age", "Alias": "age"}]}, {"Key": [{"Name": "place/street", "Alias": "street"}]},
            ],
            "colour": {"$Type": "Zoo.Colour", "$Nullable": True},
            "colours": {"$Type": "Zoo.Colour", "$Collection": True, "$Nullable": True},
            "weight": {"$Type": "Z.Weight"},
            "age": {"$Type": "Edm.Byte", "@Validation.Maximum": 150, "@Core.Computed": True, "@Core.LongDescription": "In years"},
            "speed": {"$Type": "Edm.Decimal", "@Validation.Minimum": 0, "@Validation.Minimum@Validation.Exclusive": True},
            "diet": {"$Nullable": True, "@Validation.AllowedValues": [{"Value": "meat"}, {"Value": "hay"}], "@Validation.Pattern": "^[a-z]+$"},
            "place": {"$Type": "Zoo.Place", "$Nullable": True},
            "spots": {"$Type": "Edm.GeographyPoint", "$Collection": True},
            "anything": {"$Type": "Edm.Untyped", "$Nullable": True},
            "photo": {"$Type": "Edm.Stream", "@Core.MediaType": "image/png"},
            "größe": {"$Type": "Edm.Double", "$Nullable": True},
            "mother": {"$Kind": "NavigationProperty", "$Type": "Z.Tier", "$Nullable": True},
            "kids": {"$Kind": "NavigationProperty", "$Type": "Zoo.Tier", "$Collection": True},
            "home": {"$Kind": "NavigationProperty", "$Type": "Other.Cage"},
        },
        "Löwe": {"$Kind": "EntityType", "$HasStream": True, "$BaseType": "Zoo.Tier", "mane": {"$Type": "Edm.Boolean"}},
        "Heap": {"$Kind": "EntityType", "n": {"$Type": "Edm.Int64"}},
        "Feed": [
            {"$Kind": "Action", "$IsBound": True, "$Parameter": [{"$Name": "it", "$Type": "Zoo.Tier"}]},
            {"$Kind": "Function", "$IsBound": True, "$Parameter": [{"$Name": "it", "$Type": "Zoo.Tier"}], "$ReturnType": {"$Type": "Edm.Int32"}},
        ],
        "Oldest": [
            {
                "$Kind": "Function",
                "$IsBound": True,
                "$Parameter": [{"$Name": "all", "$Type": "Zoo.Being", "$Collection": True}, {"$Name": "n", "$Type": "Edm.Int32"}],
                "$ReturnType": {"$Type": "Zoo.Tier", "$Collection": True},
            }
        ],
        "Find": [
            {
                "$Kind": "Function",
                "$Parameter": [
                    {"$Name": "words", "$Collection": True},
                    {"$Name": "limit", "$Type": "Edm.Int32", "@Core.OptionalParameter": {}},
                ],
                "$ReturnType": {"$Type": "Zoo.Tier", "$Nullable": True},
            },
            {"$Kind": "Function", "$ReturnType": {"$Type": "Zoo.Place", "$Nullable": True}},
        ],
        "Note": {"$Kind": "Term"},
        "Novelty": {"$Kind": "SomethingNew", "x": {"y": 1}},
        "Container": {
            "$Kind": "EntityContainer",
            "Tiere": {"$Type": "Z.Tier", "$Collection": True, "$NavigationPropertyBinding": {"kids": "Tiere"}},
            "Löwen": {"$Type": "Zoo.Löwe", "$Collection": True},
            "Heaps": {"$Type": "Zoo.Heap", "$Collection": True},
            "Director": {"$Type": "Zoo.Löwe"},
            "Find": {"$Function": "Zoo.Find", "$EntitySet": "Tiere"},
            "Nothing": {"$Function": "Zoo.Absent"},
            "Do": {"$Action": "Zoo.Feed"},
            "@Core.Description": "A zoo",
        },
    },
}  # fmt: skip
"""Every kind of element that CSDL JSON has, and one that it has not."""


def document_of(csdl, terms=USUAL_TERMS):
    document = json.loads(write_openapi(csdl, "http://host/v1.0/odata", "1", terms))
    validate(document)
    return document


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    return MODELS[request.param]


@pytest.fixture(scope="module")
def document(model):
    return document_of(csdl_json(model))


@pytest.fixture(scope="module")
def zoo():
    return document_of(orjson.dumps(WHOLE))


def references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolved(document, reference):
    found = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


@pytest.mark.parametrize("name", [*MODELS, "zoo"])
def test_every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own(name, zoo):
    document = zoo if name == "zoo" else document_of(csdl_json(MODELS[name]))
    found = {*references(document)}
    assert all(resolved(document, each) is not None for each in found)
    parameters = {f"#/components/parameters/{each}" for each in document["components"]["parameters"]}
    assert parameters <= found, "what no request takes is not there"
    names = [item["get"]["operationId"] for item in document["paths"].values()]
    assert len(set(names)) == len(names)
    assert all(set(item) <= {"get", "parameters"} for item in document["paths"].values()), "nothing can be written"


def test_names_that_generators_make_of_names_differ():
    entity = {"$Kind": "EntityType", "$Key": ["a}b"], "a}b": {}, "ключ": {"$Nullable": True}}
    link = {"$Kind": "NavigationProperty", "$Type": "S.T", "$Collection": True}
    container = {"$Kind": "EntityContainer", **{name: {"$Type": "S.T", "$Collection": True} for name in ("a", "a_b", "A_b", "Ä")}}
    schema = {"T": {**entity, "b": link, "B": link, "_b": link}, "C": container}
    document = document_of(orjson.dumps({"$Version": "4.01", "$EntityContainer": "S.C", "S": schema}))
    names = {path: item["get"]["operationId"] for path, item in document["paths"].items()}
    assert len({re.sub(r"[^a-z0-9]", "", each.lower()) for each in names.values()}) == len(names)
    assert names["/a_b"] == "a_b.list" and names["/A_b"] == "A_b.list.2" and names["/%C3%84"] == "-c4-.list"
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", each) for each in names.values())
    assert document["paths"]["/a/{a-7d-b}"]["parameters"][0]["name"] == "a-7d-b"


def test_every_set_key_number_and_link_is_there(model, document):
    expected = set()
    for name, entity_set in model.entity_sets.items():
        key = KEYS.get(name) or f"/{{{entity_set.entity_type.key[0].name}}}"
        expected |= {f"/{name}", f"/{name}/$count", f"/{name}{key}"}
        links = entity_set.entity_type.navigation
        expected |= {f"/{name}{key}/{link}" for link in links}
        expected |= {f"/{name}{key}/{link}/$count" for link in links if links[link].collection}
    assert set(document["paths"]) == expected


def test_every_property_is_described(model, document):
    for entity_type in model.entity_types.values():
        schema = document["components"]["schemas"][entity_type.qualified_name]
        for prop in entity_type.properties.values():
            found = schema["properties"][prop.name]
            assert ("null" in str(found.get("type", found))) is prop.nullable
            assert found.get("description", "").startswith(prop.description or "")
        for link in entity_type.navigation.values():
            assert set(references(schema["properties"][link.name])) == {f"#/components/schemas/{model.target_type(link).qualified_name}"}


@pytest.mark.parametrize("name", [*MODELS, "reference"])
def test_the_service_takes_every_request_that_is_shown(name):
    model = MODELS.get(name, REFERENCE)
    document, compiler, taken = document_of(csdl_json(model)), compiler_for(model, Settings()), 0
    for path, item in document["paths"].items():
        listed = [*item.get("parameters", ()), *item["get"].get("parameters", ())]
        parameters = [resolved(document, each["$ref"]) if "$ref" in each else each for each in listed]
        assert all(each["description"] and "example" in each for each in parameters)
        keys = {each["name"]: quote(str(each["example"])) for each in parameters if each["in"] == "path"}
        filled = reduce(lambda text, name, known=keys: text.replace(f"{{{name}}}", known[name]), keys, path)[1:]
        filled += "?" + "&".join(f"{each['name']}={quote(each['example'])}" for each in parameters if each["name"].startswith("@"))
        compiler.compile(filled)
        for parameter in parameters:
            if parameter["in"] == "query" and not parameter.get("required"):
                for value in values_of(parameter):
                    compiler.compile(f"{filled}&{parameter['name']}={quote(value)}")
                    taken += 1
    assert taken > 40


def values_of(parameter):
    """The example of a parameter, and each name that it lists."""
    value = parameter["example"]
    if isinstance(value, list):
        return [",".join(value), *parameter["schema"]["items"]["anyOf"][0]["enum"]]
    return [json.dumps(value)] if isinstance(value, bool) else [str(value)]


def test_errors_say_when_to_try_again_and_how_to_sign_in(document):
    for item in document["paths"].values():
        assert {"400", "401", "403", "404", "429", "501", "503", "default"} <= set(item["get"]["responses"])
    responses = document["components"]["responses"]
    assert "Retry-After" in responses["TooManyRequests"]["headers"] and "Retry-After" in responses["Unavailable"]["headers"]
    assert "WWW-Authenticate" in responses["Unauthorized"]["headers"]


@pytest.mark.parametrize(
    ("terms", "requirements", "schemes"),
    [
        (ApiTerms(), ["bearer", "apikey", "apikeyOption", "basic"], {"bearer", "apikey", "apikeyOption", "basic"}),
        (ApiTerms(needs_token=False, has_tokens=False), [None], set()),
        (ApiTerms(needs_token=False, basic=False), [None, "bearer", "apikey", "apikeyOption"], {"bearer", "apikey", "apikeyOption"}),
        (
            ApiTerms(basic=False, discovery="https://id.example.com/.well-known/openid-configuration"),
            ["bearer", "apikey", "apikeyOption", "openId"],
            {"bearer", "apikey", "apikeyOption", "openId"},
        ),
    ],
)
def test_the_ways_to_send_a_token_are_those_of_the_settings(terms, requirements, schemes):
    document = document_of(csdl_json(MODELS["live agent"]), terms)
    assert [next(iter(each), None) for each in document["security"]] == requirements
    assert set(document["components"]["securitySchemes"]) == schemes


def test_formats_are_those_of_the_service():
    terms = ApiTerms(formats=(("json", "application/json"), ("csv", "text/csv"), ("xlsx", "application/x")))
    document = document_of(csdl_json(MODELS["live agent"]), terms)
    assert list(document["paths"]["/Message"]["get"]["responses"]["200"]["content"]) == ["application/json", "text/csv", "application/x"]
    assert document["components"]["parameters"]["format"]["schema"]["anyOf"][0]["enum"] == ["json", "csv", "xlsx"]


def test_search_is_offered_where_it_finds_something():
    document = document_of(csdl_json(MODELS["live agent"]))
    for name, entity_set in MODELS["live agent"].entity_sets.items():
        offered = "#/components/parameters/search" in references(document["paths"][f"/{name}"])
        assert offered is bool(entity_set.entity_type.searchable)


def test_the_url_of_the_service_is_that_of_the_request_and_belongs_to_the_tag():
    documents = MetadataDocuments(MODELS["live agent"])
    (one, tag), (other, other_tag) = documents.openapi(ROOT), documents.openapi("https://a.example.com/v1.0/odata/")
    assert json.loads(one)["servers"] == [{"url": "http://host/v1.0/odata"}]
    assert json.loads(other)["servers"] == [{"url": "https://a.example.com/v1.0/odata"}]
    assert tag != other_tag and documents.openapi(ROOT) == (one, tag)
    assert MetadataDocuments(MODELS["live agent"], terms=ApiTerms(basic=False)).openapi(ROOT)[1] != tag


# --- Elements that the two models do not have ----------------------------------------------------------------------------------------


def test_every_kind_of_path_is_there(zoo):
    assert set(zoo["paths"]) == {
        *("/Tiere", "/Tiere/$count", "/Tiere/{code}", "/Tiere/{code}/mother", "/Tiere/{code}/kids", "/Tiere/{code}/kids/$count"),
        *("/Tiere(food='{food}',age={age})", "/Tiere/{code}/photo"),
        *("/Tiere/{code}/Zoo.Feed()", "/Tiere/Zoo.Oldest(n=@n)"),
        *("/L%C3%B6wen", "/L%C3%B6wen/$count", "/L%C3%B6wen/{code}", "/L%C3%B6wen/{code}/mother", "/L%C3%B6wen/{code}/kids"),
        *(
            "/L%C3%B6wen/{code}/$value",
            "/L%C3%B6wen/{code}/photo",
            "/L%C3%B6wen/{code}/kids/$count",
            "/L%C3%B6wen(food='{food}',age={age})",
        ),
        *("/L%C3%B6wen/{code}/Zoo.Feed()", "/L%C3%B6wen/Zoo.Oldest(n=@n)"),
        *("/Heaps", "/Heaps/$count"),
        *("/Director", "/Director/mother", "/Director/kids", "/Director/kids/$count", "/Director/Zoo.Feed()"),
        *("/Director/$value", "/Director/photo"),
        *("/Find(words=@words)", "/Find(words=@words,limit=@limit)", "/Find()"),
    }


def test_every_kind_of_type_has_a_schema(zoo):
    schemas = zoo["components"]["schemas"]
    assert schemas["Zoo.Colour"]["enum"] == ["Red", "Blau/Grün"]
    assert schemas["Zoo.Days"] == {"title": "Days", "type": "string"}
    assert schemas["Zoo.Weight"] == {"title": "Weight", "type": "number", "format": "decimal"}
    assert schemas["Zoo.Place"]["properties"]["within"] == {"anyOf": [{"$ref": "#/components/schemas/Zoo.Place"}, {"type": "null"}]}
    assert schemas["Zoo.Place"]["properties"]["street"] == {"type": "string", "maxLength": 40}
    base, own = schemas["Zoo.Tier"]["allOf"]
    assert base == {"$ref": "#/components/schemas/Zoo.Being"}
    colour = {"$ref": "#/components/schemas/Zoo.Colour"}
    assert own["properties"]["colours"] == {"type": "array", "items": {"anyOf": [colour, {"type": "null"}]}}
    assert own["properties"]["age"] == {
        **{"type": "integer", "format": "uint8", "minimum": 0, "maximum": 150},
        **{"description": "In years", "readOnly": True},
    }
    assert own["properties"]["speed"] == {"type": "number", "format": "decimal", "exclusiveMinimum": 0}
    diet = {"type": "string", "pattern": "^[a-z]+$", "enum": ["meat", "hay"]}
    assert own["properties"]["diet"] == {"anyOf": [diet, {"type": "null"}]}
    shape = {"type": {"type": "string"}, "coordinates": {"type": "array"}, "geometries": {"type": "array"}, "crs": {"type": "object"}}
    assert own["properties"]["spots"] == {"type": "array", "items": {"type": "object", "required": ["type"], "properties": shape}}
    assert own["properties"]["anything"] == {} == own["properties"]["home"]
    assert own["properties"]["größe"]["anyOf"][1:] == [{"type": "string", "enum": ["-INF", "INF", "NaN"]}, {"type": "null"}]
    assert schemas["Zoo.L-f6-we"]["title"] == "Löwe"
    assert not {"Zoo.Note", "Zoo.Novelty", "Zoo.Container"} & set(schemas)


def test_a_singleton_that_may_be_null_may_have_no_content():
    document = document_of(csdl_json(REFERENCE))
    may_miss = {path for path, item in document["paths"].items() if path.count("/") == 1 and "204" in item["get"]["responses"]}
    assert "/Nil" in may_miss and "/Me" not in may_miss and "/Products" not in may_miss


def test_octets_are_links_in_rows_and_requests_of_their_own(zoo):
    base = zoo["components"]["schemas"]["Zoo.Tier"]["allOf"][1]["properties"]
    assert "photo" not in base and base["photo@odata.mediaReadLink"] == {"type": "string", "format": "uri-reference"}
    media = zoo["components"]["schemas"]["Zoo.L-f6-we"]["allOf"][1]["properties"]
    assert list(media) == ["@odata.mediaReadLink", "@odata.mediaContentType", "mane"]
    assert list(zoo["paths"]["/Tiere/{code}/photo"]["get"]["responses"]["200"]["content"]) == ["image/png"]
    assert list(zoo["paths"]["/Director/$value"]["get"]["responses"]["200"]["content"]) == ["*/*"]


def test_a_function_that_gives_entities_takes_the_options_of_entities(zoo):
    def options(path):
        return {resolved(zoo, each["$ref"])["name"] for each in zoo["paths"][path]["get"]["parameters"] if "$ref" in each}

    assert {"$filter", "$top", "$orderby", "$select"} <= options("/Tiere/Zoo.Oldest(n=@n)")
    assert options("/Find(words=@words)") == {"$select", "$expand", "Prefer"} and options("/Find()") == set()


def test_options_list_what_a_type_inherits(zoo):
    listed = zoo["components"]["parameters"]["Zoo.L-f6-we-select"]["schema"]["items"]["anyOf"][0]["enum"]
    assert listed[0] == "code" and "mane" in listed and "mother" not in listed


@pytest.mark.parametrize("name", [name for name, each in PRIMITIVE_TYPES.items() if each.family.schema.example is not None])
def test_the_example_of_a_type_is_one_of_its_values(name):
    schema = value_schema(CsdlElements({}), {"$Type": name})
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert validator.is_valid(PRIMITIVE_TYPES[name].family.schema.example) and not validator.is_valid(None)


def test_a_limit_of_a_number_that_may_be_null_or_infinite_is_kept():
    schema = member_schema(CsdlElements({}), {"$Type": "Edm.Double", "$Nullable": True, "@Validation.Minimum": 0})
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert [validator.is_valid(value) for value in (1.5, "INF", None, -1.5)] == [True, True, True, False]


def test_every_primitive_type_says_what_its_values_are():
    assert {name: (t.family.schema.kind, t.schema_format) for name, t in PRIMITIVE_TYPES.items() if t.family.schema.kind} == {
        "Edm.Binary": ("string", None),
        "Edm.Boolean": ("boolean", None),
        "Edm.Byte": ("integer", "uint8"),
        "Edm.Date": ("string", "date"),
        "Edm.DateTimeOffset": ("string", "date-time"),
        "Edm.Decimal": ("number", "decimal"),
        "Edm.Double": ("number", "double"),
        "Edm.Duration": ("string", None),
        "Edm.Guid": ("string", "uuid"),
        "Edm.Int16": ("integer", "int16"),
        "Edm.Int32": ("integer", "int32"),
        "Edm.Int64": ("integer", "int64"),
        "Edm.SByte": ("integer", "int8"),
        "Edm.Single": ("number", "float"),
        "Edm.Stream": ("string", None),
        "Edm.String": ("string", None),
        "Edm.TimeOfDay": ("string", None),
        **{name: ("object", None) for name in PRIMITIVE_TYPES if name.startswith("Edm.Geo")},
    }
