"""The model in CSDL JSON 4.01.

The defaults differ from those of XML: a missing $Type means Edm.String, a missing $Nullable false,
a missing $Scale "variable". Terms have the aliases that `$Reference` declares. The annotations
@Gateway.*, which describe the database, are not written.
"""

from __future__ import annotations

from typing import Any, assert_never

import orjson

from odata_gateway.edm.functions import FunctionImport, ModelFunction
from odata_gateway.edm.model import (
    ComplexType,
    EntitySet,
    EntityType,
    EnumType,
    ItemType,
    Model,
    NavigationProperty,
    Property,
    TypeDefinition,
)
from odata_gateway.protocol.metadata.capabilities import (
    VOCABULARY_ROOT,
    Annotation,
    AnnotationRecord,
    AnnotationValue,
    Capabilities,
    EnumMember,
    PropertyPath,
    ShownParameter,
    container_annotations,
    description,
    function_parameters,
    set_annotations,
    used_vocabularies,
)

Json = dict[str, Any]


def write_json(model: Model, capabilities: Capabilities) -> bytes:
    """The document in UTF-8. Equal models give equal bytes."""
    document: Json = {
        "$Version": "4.01",
        "$EntityContainer": f"{model.namespace}.{model.container}",
        "$Reference": {
            f"{VOCABULARY_ROOT}{n}.json": {"$Include": [{"$Namespace": n, "$Alias": a}]}
            for a, n in used_vocabularies(model).items()
        },
    }
    for enum_type in model.used_enum_types:
        document.setdefault(enum_type.namespace, {})[enum_type.name] = _enum_type(enum_type)
    for definition in model.type_definitions:
        document.setdefault(definition.namespace, {})[definition.name] = _definition(definition)
    for complex_type in model.complex_types:
        schema = document.setdefault(complex_type.namespace, {})
        schema[complex_type.name] = _complex_type(complex_type)
    for entity_type in model.entity_types.values():
        document.setdefault(entity_type.namespace, {})[entity_type.name] = _entity_type(
            model, entity_type
        )
    for functions in model.functions.values():
        first = functions[0]
        document.setdefault(first.namespace, {})[first.name] = [
            _function(model, function) for function in functions
        ]
    document.setdefault(model.namespace, {})[model.container] = _container(model, capabilities)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _entity_type(model: Model, entity_type: EntityType) -> Json:
    base = model.entity_types.get(entity_type.base or "")
    if base is not None:
        return _derived_type(model, entity_type, base)
    return {
        "$Kind": "EntityType",
        **({} if entity_type.media is None else {"$HasStream": True}),
        **({"$Abstract": True} if entity_type.abstract else {}),
        "$Key": [key.name for key in entity_type.key],
        **{prop.name: _property(prop) for prop in entity_type.properties.values()},
        **{
            navigation.name: _navigation(model, navigation)
            for navigation in entity_type.navigation.values()
        },
        **_annotations(description(entity_type)),
    }


def _derived_type(model: Model, entity_type: EntityType, base: EntityType) -> Json:
    """What a type has besides what its base has."""
    return {
        "$Kind": "EntityType",
        "$BaseType": base.qualified_name,
        **({"$Abstract": True} if entity_type.abstract else {}),
        **{
            prop.name: _property(prop)
            for prop in entity_type.properties.values()
            if prop.name not in base.properties
        },
        **{
            navigation.name: _navigation(model, navigation)
            for navigation in entity_type.navigation.values()
            if navigation.name not in base.navigation
        },
        **_annotations(description(entity_type)),
    }


def _enum_type(enum_type: EnumType) -> Json:
    flags = {"$IsFlags": True} if enum_type.is_flags else {}
    return {
        "$Kind": "EnumType",
        "$UnderlyingType": enum_type.underlying,
        **flags,
        **enum_type.members,
        **_annotations(description(enum_type)),
    }


def _definition(definition: TypeDefinition) -> Json:
    facets = definition.facets
    members = {
        "$Kind": "TypeDefinition",
        "$UnderlyingType": definition.type.name,
        "$MaxLength": facets.max_length,
        "$Precision": facets.precision,
        "$Scale": None if facets.scale == "variable" else facets.scale,
        "$SRID": None if facets.srid is None else str(facets.srid),
    }
    shown = {name: value for name, value in members.items() if value is not None}
    return shown | _annotations(description(definition))


def _complex_type(complex_type: ComplexType | EntityType) -> Json:
    return {
        "$Kind": "ComplexType",
        **{prop.name: _property(prop) for prop in complex_type.properties.values()},
        **_annotations(description(complex_type)),
    }


def _function(model: Model, function: ModelFunction) -> Json:
    parameters = [_parameter(each) for each in function_parameters(model, function)]
    members: Json = {
        "$Kind": "Function",
        "$IsBound": True if function.bound_to else None,
        "$IsComposable": True if function.composable else None,
        "$Parameter": parameters or None,
        "$ReturnType": _result(function),
    }
    return _given(members) | _annotations(description(function))


def _parameter(parameter: ShownParameter) -> Json:
    type_ = parameter.type_name
    members: Json = {
        "$Name": parameter.name,
        "$Type": None if type_ == "Edm.String" else type_,
        "$Collection": True if parameter.collection else None,
        "$Nullable": True if parameter.nullable else None,
        "@Core.OptionalParameter": {} if parameter.optional else None,
    }
    return _given(members)


def _result(function: ModelFunction) -> Json:
    result = function.result
    members: Json = {
        "$Type": None if result.type_name == "Edm.String" else result.type_name,
        "$Collection": True if result.collection else None,
        "$Nullable": True if result.nullable else None,
    }
    return _given(members)


def _given(members: Json) -> Json:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def _property(prop: Property) -> Json:
    structure = prop.structure
    is_collection = isinstance(structure, ItemType)
    name = (structure.item if isinstance(structure, ItemType) else prop).type_name
    members = {
        "$Type": None if name == "Edm.String" else name,
        "$Collection": True if is_collection else None,
        "$Nullable": True if prop.nullable else None,
        "$MaxLength": prop.max_length,
        "$Precision": prop.precision,
        "$Scale": None if prop.scale == "variable" else prop.scale,
        "$SRID": None if prop.srid is None else str(prop.srid),
    }
    return _given(members) | _annotations(description(prop))


def _navigation(model: Model, navigation: NavigationProperty) -> Json:
    members = {
        "$Kind": "NavigationProperty",
        "$Type": model.target_type(navigation).qualified_name,
        "$Collection": True if navigation.collection else None,
        "$Nullable": True if navigation.nullable and not navigation.collection else None,
        "$Partner": navigation.partner,
        "$ReferentialConstraint": dict(navigation.constraint) or None,
    }
    return _given(members)


def _container(model: Model, capabilities: Capabilities) -> Json:
    return {
        "$Kind": "EntityContainer",
        **{
            s.name: _entity_set(s, set_annotations(capabilities, s, "4.01"))
            for s in model.entity_sets.values()
        },
        **{name: _singleton(found) for name, found in model.singletons.items()},
        **{name: _import(found) for name, found in model.imports.items()},
        **_annotations(container_annotations(capabilities, "4.01")),
    }


def _singleton(singleton: EntitySet) -> Json:
    members = {
        "$Type": singleton.entity_type.qualified_name,
        "$Nullable": True if singleton.optional else None,
        "$NavigationPropertyBinding": dict(singleton.bindings) or None,
    }
    return _given(members)


def _import(found: FunctionImport) -> Json:
    members = {
        "$Function": found.functions[0].qualified_name,
        "$EntitySet": found.entity_set,
        "$IncludeInServiceDocument": True if found.listed else None,
    }
    return _given(members)


def _entity_set(entity_set: EntitySet, annotations: tuple[Annotation, ...]) -> Json:
    members: Json = {"$Collection": True, "$Type": entity_set.entity_type.qualified_name}
    if entity_set.bindings:
        members["$NavigationPropertyBinding"] = dict(entity_set.bindings)
    return members | _annotations(annotations)


def _annotations(annotations: tuple[Annotation, ...]) -> Json:
    return {f"@{annotation.term}": _value(annotation.value) for annotation in annotations}


def _value(value: AnnotationValue) -> Any:
    match value:
        case bool() | int() | float() | str():
            return value
        case PropertyPath() | EnumMember():
            return value.name
        case AnnotationRecord():
            return {name: _value(member) for name, member in value.members}
        case tuple():
            return [_value(item) for item in value]
        case _:
            assert_never(value)
