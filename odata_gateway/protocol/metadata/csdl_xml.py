"""The model in CSDL XML (CSDL XML 4.01), for clients of 4.0 and of 4.01.

A missing Nullable means true, a missing Scale 0. A document for 4.0 has nothing that only 4.01 has,
and no edmx:Reference, because some clients download every reference. Its terms have the full
namespaces of their vocabularies, which need no declaration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never
from xml.sax.saxutils import escape, quoteattr

from odata_gateway.edm.functions import ModelFunction
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
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.metadata.capabilities import (
    VOCABULARIES,
    VOCABULARY_ROOT,
    Annotation,
    AnnotationRecord,
    AnnotationValue,
    Capabilities,
    EnumMember,
    PropertyPath,
    container_annotations,
    description,
    function_parameters,
    optional_parameter,
    set_annotations,
    used_vocabularies,
)

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"

Lines = Iterator[str]


def write_xml(model: Model, capabilities: Capabilities, version: ODataVersion) -> bytes:
    """The document in UTF-8. Equal models give equal bytes."""
    lines = _element(
        "edmx:Edmx", _document(model, capabilities, version), xmlns__edmx=_EDMX, Version=version
    )
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(lines).encode() + b"\n"


def _element(tag: str, content: Iterable[str] = (), /, **attributes: str | None) -> Lines:
    written = "".join(
        f" {name.replace('__', ':')}={quoteattr(value)}"
        for name, value in attributes.items()
        if value is not None
    )
    inner = [f"  {line}" for line in content]
    if inner:
        yield f"<{tag}{written}>"
        yield from inner
        yield f"</{tag}>"
    else:
        yield f"<{tag}{written}/>"


def _document(model: Model, capabilities: Capabilities, version: ODataVersion) -> Lines:
    if version == "4.01":
        for alias, namespace in used_vocabularies(model).items():
            include = _element("edmx:Include", Namespace=namespace, Alias=alias)
            yield from _element("edmx:Reference", include, Uri=f"{VOCABULARY_ROOT}{namespace}.xml")
    namespaces = dict.fromkeys(
        [
            *(t.namespace for t in model.used_enum_types),
            *(t.namespace for t in model.type_definitions),
            *(t.namespace for t in model.complex_types),
            *(t.namespace for t in model.entity_types.values()),
            *(f.namespace for functions in model.functions.values() for f in functions),
            model.namespace,
        ]
    )
    schemas = [
        line
        for n in namespaces
        for line in _element(
            "Schema", _schema(model, n, capabilities, version), xmlns=_EDM, Namespace=n
        )
    ]
    yield from _element("edmx:DataServices", schemas)


def _schema(
    model: Model, namespace: str, capabilities: Capabilities, version: ODataVersion
) -> Lines:
    for enum_type in model.used_enum_types:
        if enum_type.namespace == namespace:
            yield from _enum_type(enum_type)
    for definition in model.type_definitions:
        if definition.namespace == namespace:
            yield from _type_definition(definition)
    for complex_type in model.complex_types:
        if complex_type.namespace == namespace:
            yield from _element(
                "ComplexType", _complex_type(complex_type, version), Name=complex_type.name
            )
    for entity_type in model.entity_types.values():
        if entity_type.namespace == namespace:
            yield from _element(
                "EntityType",
                _entity_type(model, entity_type, version),
                Name=entity_type.name,
                HasStream=None if entity_type.media is None else "true",
                BaseType=_base_name(model, entity_type),
                Abstract="true" if entity_type.abstract else None,
            )
    for function in (f for functions in model.functions.values() for f in functions):
        if function.namespace == namespace:
            yield from _function(model, function, version)
    if namespace == model.namespace:
        yield from _element(
            "EntityContainer", _container(model, capabilities, version), Name=model.container
        )


def _base_name(model: Model, entity_type: EntityType) -> str | None:
    base = model.entity_types.get(entity_type.base or "")
    return None if base is None else base.qualified_name


def _entity_type(model: Model, entity_type: EntityType, version: ODataVersion) -> Lines:
    base = model.entity_types.get(entity_type.base or "")
    if base is None:
        keys = (line for key in entity_type.key for line in _element("PropertyRef", Name=key.name))
        yield from _element("Key", keys)
    for prop in entity_type.properties.values():
        if base is None or prop.name not in base.properties:
            yield from _property(prop, version)
    for navigation in entity_type.navigation.values():
        if base is None or navigation.name not in base.navigation:
            yield from _navigation(model, navigation)
    yield from _annotations(description(entity_type, version))


def _enum_type(enum_type: EnumType) -> Lines:
    members = [
        line
        for name, value in enum_type.members.items()
        for line in _element("Member", Name=name, Value=str(value))
    ]
    yield from _element(
        "EnumType",
        [*members, *_annotations(description(enum_type))],
        Name=enum_type.name,
        UnderlyingType=enum_type.underlying,
        IsFlags="true" if enum_type.is_flags else None,
    )


def _type_definition(definition: TypeDefinition) -> Lines:
    facets = definition.facets
    yield from _element(
        "TypeDefinition",
        _annotations(description(definition)),
        Name=definition.name,
        UnderlyingType=definition.type.name,
        MaxLength=_facet(facets.max_length),
        Precision=_facet(facets.precision),
        Scale=_facet(facets.scale),
        SRID=_facet(facets.srid),
    )


def _complex_type(complex_type: ComplexType | EntityType, version: ODataVersion) -> Lines:
    for prop in complex_type.properties.values():
        yield from _property(prop, version)
    yield from _annotations(description(complex_type))


def _function(model: Model, function: ModelFunction, version: ODataVersion) -> Lines:
    result = function.result
    names = {t.qualified_name for t in model.entity_types.values()}
    is_entities = result.collection and result.type in names
    yield from _element(
        "Function",
        (
            *_parameters(model, function, version),
            *_element(
                "ReturnType",
                Type=_many(result.type_name) if result.collection else result.type_name,
                Nullable=None if result.nullable or is_entities else "false",
            ),
            *_annotations(description(function)),
        ),
        Name=function.name,
        IsBound="true" if function.bound_to else None,
        IsComposable="true" if function.composable else None,
    )


def _parameters(model: Model, function: ModelFunction, version: ODataVersion) -> Lines:
    for parameter in function_parameters(model, function):
        yield from _element(
            "Parameter",
            _annotations(optional_parameter(version)) if parameter.optional else (),
            Name=parameter.name,
            Type=_many(parameter.type_name) if parameter.collection else parameter.type_name,
            Nullable=None if parameter.nullable else "false",
        )


def _many(type_name: str) -> str:
    return f"Collection({type_name})"


def _property(prop: Property, version: ODataVersion) -> Lines:
    yield from _element(
        "Property",
        _annotations(description(prop, version)),
        Name=prop.name,
        Type=prop.type_name,
        Nullable=_nullable(prop),
        MaxLength=_facet(prop.max_length),
        Precision=_facet(prop.precision),
        Scale="variable" if prop.scale == "floating" and version == "4.0" else _facet(prop.scale),
        SRID=_facet(prop.srid),
    )


def _nullable(prop: Property) -> str | None:
    """Whether a value may be null, or the items of a collection; of these nothing is assumed."""
    if isinstance(prop.structure, ItemType):
        return "true" if prop.nullable else "false"
    return None if prop.nullable else "false"


def _facet(value: int | str | None) -> str | None:
    return None if value is None else str(value)


def _navigation(model: Model, navigation: NavigationProperty) -> Lines:
    target = model.target_type(navigation).qualified_name
    yield from _element(
        "NavigationProperty",
        (
            line
            for dependent, principal in navigation.constraint
            for line in _element(
                "ReferentialConstraint", Property=dependent, ReferencedProperty=principal
            )
        ),
        Name=navigation.name,
        Type=f"Collection({target})" if navigation.collection else target,
        Nullable=None if navigation.collection or navigation.nullable else "false",
        Partner=navigation.partner,
    )


def _container(model: Model, capabilities: Capabilities, version: ODataVersion) -> Lines:
    for entity_set in model.entity_sets.values():
        content = _entity_set(entity_set, set_annotations(capabilities, entity_set, version))
        yield from _element(
            "EntitySet",
            content,
            Name=entity_set.name,
            EntityType=entity_set.entity_type.qualified_name,
        )
    for singleton in model.singletons.values():
        yield from _element(
            "Singleton",
            _entity_set(singleton, ()),
            Name=singleton.name,
            Type=singleton.entity_type.qualified_name,
            Nullable="true" if singleton.optional and version != "4.0" else None,
        )
    for found in model.imports.values():
        yield from _element(
            "FunctionImport",
            Name=found.name,
            Function=found.functions[0].qualified_name,
            EntitySet=found.entity_set,
            IncludeInServiceDocument="true" if found.listed else None,
        )
    yield from _annotations(container_annotations(capabilities, version))


def _entity_set(entity_set: EntitySet, annotations: tuple[Annotation, ...]) -> Lines:
    for path, target in entity_set.bindings.items():
        yield from _element("NavigationPropertyBinding", Path=path, Target=target)
    yield from _annotations(annotations)


# --- annotations ----------------------------------------------------------------------------------


def _annotations(annotations: tuple[Annotation, ...]) -> Lines:
    for annotation in annotations:
        yield from _with_value("Annotation", "Term", _full_name(annotation.term), annotation.value)


def _full_name(name: str) -> str:
    alias, _, rest = name.partition(".")
    return f"{VOCABULARIES[alias]}.{rest}"


def _with_value(tag: str, name_attribute: str, name: str, value: AnnotationValue) -> Lines:
    """An element with a value: booleans, numbers and strings are attributes, other values are child
    elements."""
    named = {name_attribute: name}
    match value:
        case bool():
            yield from _element(tag, **named, Bool="true" if value else "false")
        case int():
            yield from _element(tag, **named, Int=str(value))
        case float():
            yield from _element(tag, **named, Decimal=f"{value:f}")
        case str():
            yield from _element(tag, **named, String=value)
        case PropertyPath():
            yield from _element(tag, **named, PropertyPath=value.name)
        case EnumMember():
            yield from _element(
                tag, [f"<EnumMember>{_full_name(value.type)}/{value.name}</EnumMember>"], **named
            )
        case AnnotationRecord():
            members = [
                line
                for n, v in value.members
                for line in _with_value("PropertyValue", "Property", n, v)
            ]
            yield from _element(tag, _element("Record", members), **named)
        case tuple():
            yield from _element(
                tag, _element("Collection", [_item(item) for item in value]), **named
            )
        case _:
            assert_never(value)


def _item(item: str | PropertyPath | AnnotationRecord) -> str:
    match item:
        case AnnotationRecord():
            members = (
                line
                for n, v in item.members
                for line in _with_value("PropertyValue", "Property", n, v)
            )
            return "".join(_element("Record", members))
        case str():
            return f"<String>{escape(item)}</String>"
        case PropertyPath():
            return f"<PropertyPath>{escape(item.name)}</PropertyPath>"
