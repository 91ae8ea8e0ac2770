"""$metadata read back, from either form, into one neutral structure; and OASIS's schemas to validate both forms with.

Written from the standard, not from the gateway's code: each reader applies the defaults of its own form.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from lxml import etree

DATA = Path(__file__).parent.parent / "data"
EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_TEMPORAL = ("Edm.DateTimeOffset", "Edm.TimeOfDay", "Edm.Duration")


@cache
def xml_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(DATA / "schemas" / "edmx.xsd"))


@cache
def json_schema() -> Draft7Validator:
    """Python's regular expressions know no Unicode categories: a letter is a word character that is no digit."""
    text = (DATA / "schemas" / "csdl.schema.json").read_text()
    start, follow = r"(_|\\p{L}|\\p{Nl})", r"(_|\\p{L}|\\p{Nl}|\\p{Nd}|\\p{Mn}|\\p{Mc}|\\p{Pc}|\\p{Cf})"
    return Draft7Validator(json.loads(text.replace(follow, r"\\w").replace(start, r"[^\\W\\d]")))


def assert_valid_xml(body: bytes) -> None:
    document = etree.fromstring(body)
    assert xml_schema().validate(document), xml_schema().error_log


def assert_valid_json(body: bytes) -> None:
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in json_schema().iter_errors(json.loads(body))]
    assert not errors, errors


# --- XML ----------------------------------------------------------------------------------------------------------------------


def read_xml(body: bytes) -> dict[str, Any]:
    root = etree.fromstring(body)
    found: dict[str, Any] = {"types": {}, "sets": {}}
    for schema in root.iter(f"{EDM}Schema"):
        namespace = schema.get("Namespace")
        for element in schema.findall(f"{EDM}EntityType"):
            found["types"][f"{namespace}.{element.get('Name')}"] = _xml_type(element)
        for container in schema.findall(f"{EDM}EntityContainer"):
            found["container"] = f"{namespace}.{container.get('Name')}"
            found["annotations"] = _xml_annotations(container)
            found["sets"] = {s.get("Name"): _xml_set(s) for s in container.findall(f"{EDM}EntitySet")}
    return found


def _xml_type(element: etree._Element) -> dict[str, Any]:
    return {
        "key": [ref.get("Name") for ref in element.findall(f"{EDM}Key/{EDM}PropertyRef")],
        "properties": {p.get("Name"): _xml_property(p) for p in element.findall(f"{EDM}Property")},
        "navigation": {n.get("Name"): _xml_navigation(n) for n in element.findall(f"{EDM}NavigationProperty")},
        "annotations": _xml_annotations(element),
    }


def _xml_property(element: etree._Element) -> dict[str, Any]:
    type_name = element.get("Type")
    scale = element.get("Scale", "0") if type_name == "Edm.Decimal" else None
    return {
        "type": type_name,
        "nullable": element.get("Nullable", "true") == "true",
        "max_length": _number(element.get("MaxLength")),
        "precision": _number(element.get("Precision", "0" if type_name in _TEMPORAL else None)),
        "scale": _number(scale),
        "annotations": _xml_annotations(element),
    }


def _number(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdigit() else text


def _xml_navigation(element: etree._Element) -> dict[str, Any]:
    type_name = element.get("Type")
    collection = type_name.startswith("Collection(")
    assert not (collection and element.get("Nullable")), "a collection has no Nullable"
    return {
        "type": type_name[len("Collection(") : -1] if collection else type_name,
        "collection": collection,
        "nullable": None if collection else element.get("Nullable", "true") == "true",
        "partner": element.get("Partner"),
        "constraint": {c.get("Property"): c.get("ReferencedProperty") for c in element.findall(f"{EDM}ReferentialConstraint")},
    }


def _xml_set(element: etree._Element) -> dict[str, Any]:
    return {
        "type": element.get("EntityType"),
        "bindings": {b.get("Path"): b.get("Target") for b in element.findall(f"{EDM}NavigationPropertyBinding")},
        "annotations": _xml_annotations(element),
    }


def _xml_annotations(element: etree._Element) -> dict[str, Any]:
    return {a.get("Term"): _xml_value(a) for a in element.findall(f"{EDM}Annotation")}


def _xml_value(element: etree._Element) -> Any:
    for attribute, read in (("Bool", lambda text: text == "true"), ("Int", int), ("String", str), ("PropertyPath", str)):
        if element.get(attribute) is not None:
            return read(element.get(attribute))
    (child,) = element
    match child.tag.removeprefix(EDM):
        case "Collection":
            return [_xml_record(item) if item.tag == f"{EDM}Record" else item.text for item in child]
        case "Record":
            return _xml_record(child)
        case "EnumMember":
            return child.text.rpartition("/")[2]
        case other:
            raise AssertionError(other)


def _xml_record(element: etree._Element) -> dict[str, Any]:
    return {value.get("Property"): _xml_value(value) for value in element}


# --- JSON ---------------------------------------------------------------------------------------------------------------------


def read_json(body: bytes) -> dict[str, Any]:
    document = json.loads(body)
    aliases = {i["$Alias"]: i["$Namespace"] for reference in document["$Reference"].values() for i in reference["$Include"]}
    found: dict[str, Any] = {"container": document["$EntityContainer"], "types": {}, "sets": {}}
    for namespace, schema in document.items():
        if namespace.startswith("$"):
            continue
        for name, element in schema.items():
            if element["$Kind"] == "EntityType":
                found["types"][f"{namespace}.{name}"] = _json_type(element, aliases)
            else:
                assert f"{namespace}.{name}" == found["container"]
                found["annotations"] = _json_annotations(element, aliases)
                found["sets"] = {n: _json_set(s, aliases) for n, s in _declared(element).items()}
    return found


def _declared(element: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in element.items() if name[0] not in "$@"}


def _json_type(element: dict[str, Any], aliases: dict[str, str]) -> dict[str, Any]:
    members = _declared(element)
    return {
        "key": element["$Key"],
        "properties": {n: _json_property(p, aliases) for n, p in members.items() if p.get("$Kind") != "NavigationProperty"},
        "navigation": {n: _json_navigation(p) for n, p in members.items() if p.get("$Kind") == "NavigationProperty"},
        "annotations": _json_annotations(element, aliases),
    }


def _json_property(element: dict[str, Any], aliases: dict[str, str]) -> dict[str, Any]:
    type_name = element.get("$Type", "Edm.String")
    return {
        "type": type_name,
        "nullable": element.get("$Nullable", False),
        "max_length": element.get("$MaxLength"),
        "precision": element.get("$Precision", 0 if type_name in _TEMPORAL else None),
        "scale": element.get("$Scale", "variable") if type_name == "Edm.Decimal" else None,
        "annotations": _json_annotations(element, aliases),
    }


def _json_navigation(element: dict[str, Any]) -> dict[str, Any]:
    collection = element.get("$Collection", False)
    assert not (collection and "$Nullable" in element), "a collection has no $Nullable"
    return {
        "type": element["$Type"],
        "collection": collection,
        "nullable": None if collection else element.get("$Nullable", False),
        "partner": element.get("$Partner"),
        "constraint": element.get("$ReferentialConstraint", {}),
    }


def _json_set(element: dict[str, Any], aliases: dict[str, str]) -> dict[str, Any]:
    assert element["$Collection"] is True
    return {
        "type": element["$Type"],
        "bindings": element.get("$NavigationPropertyBinding", {}),
        "annotations": _json_annotations(element, aliases),
    }


def _json_annotations(element: dict[str, Any], aliases: dict[str, str]) -> dict[str, Any]:
    found = {}
    for name, value in element.items():
        if name.startswith("@"):
            alias, _, term = name[1:].partition(".")
            found[f"{aliases[alias]}.{term}"] = value
    return found
