"""Generated models: whatever a file declares comes out of $metadata again, in both forms and both versions."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from odata_gateway.edm.csdl import parse_model
from odata_gateway.protocol.metadata.document import csdl_json, csdl_xml
from odata_gateway.types.primitive import PRIMITIVE_TYPES
from tests.harness.csdl import assert_valid_json, assert_valid_xml, read_json, read_xml

Document = dict[str, Any]

NAMES = st.from_regex(r"[A-Za-z_äÉж][A-Za-z0-9_äÉж]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=20) | st.sampled_from(
    ["a\tb\nc\rd", "<&>\"'", "]]>", "  x  "]
)
KEY_TYPES = [name for name, t in PRIMITIVE_TYPES.items() if t.family.can_be_key]
POLICIES: list[Document] = [
    {"@Gateway.Account": "account_id"},
    {"@Gateway.Unscoped": True},
    {"@Gateway.Membership": {"Table": "public.grants", "Member": "row", "Column": "id", "Account": "account"}},
]


@st.composite
def properties(draw: st.DrawFn, *, key: bool) -> Document:
    type_name = draw(st.sampled_from(KEY_TYPES if key else list(PRIMITIVE_TYPES)))
    family = PRIMITIVE_TYPES[type_name].family
    members: Document = {} if type_name == "Edm.String" and draw(st.booleans()) else {"$Type": type_name}
    if not key and draw(st.booleans()):
        members["$Nullable"] = draw(st.booleans())
    if family in ("string", "binary") and draw(st.booleans()):
        members["$MaxLength"] = draw(st.integers(1, 4000))
    if family in ("decimal", "datetime", "time", "duration") and draw(st.booleans()):
        members["$Precision"] = draw(st.integers(1 if family == "decimal" else 0, 12))
    if family == "decimal" and draw(st.booleans()):
        members["$Scale"] = draw(st.sampled_from(["variable", "floating", 0, 2]))
    if draw(st.booleans()):
        members["@Gateway.PgType"] = draw(st.sampled_from(PRIMITIVE_TYPES[type_name].column_types))
    if not key and draw(st.booleans()):
        members["@Gateway.Secret"] = draw(st.booleans())
    return (
        members
        | _optional(draw, "@Core.Description", TEXTS)
        | _optional(draw, "@Gateway.Column", st.text("ab \"'%", min_size=1, max_size=5))
    )


def _optional(draw: st.DrawFn, name: str, values: st.SearchStrategy[str]) -> Document:
    return {name: draw(values)} if draw(st.booleans()) else {}


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """One to three entity types, each with its set, and navigation properties in pairs of partners."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    types: dict[str, Document] = {}
    for name in names:
        members = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
        keys = members[: draw(st.integers(1, len(members)))]
        head = {"$Kind": "EntityType", "$Key": keys, "@Gateway.Table": f"s.{name}", **draw(st.sampled_from(POLICIES))}
        types[name] = head | {m: draw(properties(key=m in keys)) for m in members}
    bindings: dict[str, dict[str, str]] = {name: {} for name in names}
    for i in range(draw(st.integers(0, 3))):
        source, target = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        there, back = f"there_{i}", f"back_{i}"
        if {there, back} & {*types[source], *types[target]}:
            continue
        nullable = {"$Nullable": True} if draw(st.booleans()) else {}
        join = ["source.ref = target.id"] + (["source.kind = 'x'"] if draw(st.booleans()) else [])
        navigation = {"$Kind": "NavigationProperty", "$Type": f"Made.{target}", "$Partner": back, "@Gateway.Join": join}
        types[source][there] = navigation | nullable
        types[target][back] = {"$Kind": "NavigationProperty", "$Type": f"Made.{source}", "$Collection": True, "$Partner": there}
        bindings[source][there], bindings[target][back] = f"{target}Set", f"{source}Set"
    container: Document = {"$Kind": "EntityContainer"}
    for name in names:
        container[f"{name}Set"] = {"$Collection": True, "$Type": f"Made.{name}", "$NavigationPropertyBinding": bindings[name]}
    return {"$Version": "4.01", "$EntityContainer": "Made.C0ntainer", "Made": types | {"C0ntainer": container}}


@settings(max_examples=150)
@given(documents())
def test_what_a_file_declares_comes_out_again(document):
    assert_valid_json(json.dumps(document).encode())
    model = parse_model(document)
    xml, newer, json_ = csdl_xml(model), csdl_xml(model, version="4.01"), csdl_json(model)
    assert_valid_xml(xml)
    assert_valid_xml(newer)
    assert_valid_json(json_)
    found = read_json(json_)
    assert read_xml(newer) == found
    _compare(document, found)
    assert b"Gateway" not in xml + newer + json_


def _compare(document: Document, found: Document) -> None:
    declared = {name: element for name, element in document["Made"].items() if element["$Kind"] == "EntityType"}
    assert set(found["types"]) == {f"Made.{name}" for name in declared}
    for name, element in declared.items():
        read = found["types"][f"Made.{name}"]
        assert read["key"] == element["$Key"]
        assert set(read["properties"]) | set(read["navigation"]) == {n for n in element if n[0] not in "$@"}
        for property_name, members in element.items():
            if property_name in read["properties"]:
                _compare_property(members, read["properties"][property_name])
            elif property_name in read["navigation"]:
                navigation = read["navigation"][property_name]
                assert (navigation["type"], navigation["partner"]) == (members["$Type"], members["$Partner"])
                assert navigation["nullable"] == (None if "$Collection" in members else members.get("$Nullable", False))
    for name, members in document["Made"]["C0ntainer"].items():
        if name != "$Kind":
            assert found["sets"][name]["bindings"] == members["$NavigationPropertyBinding"]


def _compare_property(members: Document, read: Document) -> None:
    assert read["type"] == members.get("$Type", "Edm.String")
    assert read["nullable"] == members.get("$Nullable", False)
    assert read["max_length"] == members.get("$MaxLength")
    description = read["annotations"].get("Org.OData.Core.V1.Description", "")
    assert description.startswith(members.get("@Core.Description", ""))
    assert ("always reads as null" in description) == members.get("@Gateway.Secret", False)
