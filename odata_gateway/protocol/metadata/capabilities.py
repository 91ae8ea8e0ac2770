"""The annotations by which $metadata says what the service can do (vocabularies Org.OData.Core.V1,
Org.OData.Capabilities.V1 and Org.OData.Aggregation.V1).

Without an annotation, a client may assume $count, $top, $skip, $expand, $batch and access by key,
and may try $filter, $orderby and $search. So each row here is a promise or a refusal, and tests
compare it with the service. Rows with since="4.0" are in every document, the others only in those
for 4.01. Older readers fail on enumeration members, records and collections, so a document for 4.0
has booleans and strings only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from odata_gateway.edm.functions import COLLECTION_FUNCTIONS, ModelFunction
from odata_gateway.edm.model import (
    AnnotationData,
    ComplexType,
    EntitySet,
    EntityType,
    EnumType,
    Model,
    Property,
    TypeDefinition,
)
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.types.registry import FUNCTIONS

VOCABULARIES = {
    "Core": "Org.OData.Core.V1",
    "Capabilities": "Org.OData.Capabilities.V1",
    "Aggregation": "Org.OData.Aggregation.V1",
    "Validation": "Org.OData.Validation.V1",
}
_ALLOWED_VALUE = "Validation.AllowedValue"
_ALWAYS = ("Core", "Capabilities", "Aggregation")
VOCABULARY_ROOT = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/"
SECRET_NOTE = (
    "Secret: always reads as null and cannot be used in $filter, $orderby or any other computation"
)


@dataclass(frozen=True, slots=True)
class EnumMember:
    """A member of an enumeration type of a vocabulary, for instance of
    Capabilities.ConformanceLevelType."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class PropertyPath:
    """The name of a property of the entity type that the annotated entity set has."""

    name: str


@dataclass(frozen=True, slots=True)
class AnnotationRecord:
    """A structured value, whose complex type in the vocabulary is `type`."""

    type: str
    members: tuple[tuple[str, AnnotationValue], ...]


AnnotationValue = (
    bool
    | int
    | float
    | str
    | EnumMember
    | PropertyPath
    | AnnotationRecord
    | tuple["str | PropertyPath | AnnotationRecord", ...]
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation.

    term   with the alias of its vocabulary
    since  the lowest version of the documents that have it
    """

    term: str
    value: AnnotationValue
    since: ODataVersion = "4.01"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The annotations of the entity container and of each entity set."""

    container: tuple[Annotation, ...]
    entity_set: tuple[Annotation, ...]


_OPERATORS = (
    "eq",
    "ne",
    "gt",
    "ge",
    "lt",
    "le",
    "in",
    "and",
    "or",
    "not",
    "add",
    "sub",
    "mul",
    "div",
    "divby",
    "mod",
    "any",
    "all",
)


def _restriction(name: str, *members: tuple[str, AnnotationValue]) -> Annotation:
    return Annotation(f"Capabilities.{name}", AnnotationRecord(f"Capabilities.{name}Type", members))


# Transformations of $apply; a test sends each of them.
TRANSFORMATIONS = (
    "aggregate",
    "bottomcount",
    "bottompercent",
    "bottomsum",
    "compute",
    "concat",
    "filter",
    "groupby",
    "identity",
    "orderby",
    "search",
    "skip",
    "top",
    "topcount",
    "toppercent",
    "topsum",
)
JOINS = ("join", "outerjoin")
"""Transformations of entity types that have collection-valued navigation properties."""
_BATCHES = ("multipart/mixed", "application/json")
FORMATS = (
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/plain",
)
"""What answers with data can be, if nothing has to be installed."""

_FIXED = Capabilities(
    container=(
        Annotation("Core.ODataVersions", "4.01"),
        Annotation(
            "Capabilities.ConformanceLevel",
            EnumMember("Capabilities.ConformanceLevelType", "Minimal"),
        ),
        Annotation("Capabilities.SupportedFormats", FORMATS),
        Annotation(
            "Capabilities.SupportedMetadataFormats", ("application/xml", "application/json")
        ),
        Annotation("Capabilities.AsynchronousRequestsSupported", False, since="4.0"),
        Annotation("Capabilities.BatchSupported", True, since="4.0"),
        Annotation("Capabilities.BatchContinueOnErrorSupported", True, since="4.0"),
        _restriction(
            "BatchSupport",
            ("Supported", True),
            ("ContinueOnErrorSupported", True),
            ("ReferencesInRequestBodiesSupported", False),
            ("ReferencesAcrossChangeSetsSupported", False),
            ("EtagReferencesSupported", False),
            ("RequestDependencyConditionsSupported", False),
            ("SupportedFormats", _BATCHES),
        ),
        Annotation("Capabilities.QuerySegmentSupported", True),
        Annotation("Capabilities.CrossJoinSupported", True, since="4.0"),
        Annotation("Capabilities.KeyAsSegmentSupported", True, since="4.0"),
    ),
    entity_set=(  # settings, types and secrets add more, below
        Annotation("Capabilities.IndexableByKey", True, since="4.0"),
        Annotation("Capabilities.TopSupported", True, since="4.0"),
        Annotation("Capabilities.SkipSupported", True, since="4.0"),
        _restriction("CountRestrictions", ("Countable", True)),
        _restriction("InsertRestrictions", ("Insertable", False)),
        _restriction("UpdateRestrictions", ("Updatable", False)),
        _restriction("DeleteRestrictions", ("Deletable", False)),
    ),
)


def service_capabilities() -> Capabilities:
    """The capabilities of a service with the functions that are registered now."""
    functions = Annotation("Capabilities.FilterFunctions", filter_functions())
    return replace(_FIXED, container=(*_FIXED.container, functions))


def filter_functions() -> tuple[str, ...]:
    """The names of operators and functions, as the standard writes them."""
    named = [
        overloads[0].spelling or name
        for name, overloads in FUNCTIONS.items()
        if overloads[0].is_listed
    ]
    of_collections = [name for name in COLLECTION_FUNCTIONS if name not in FUNCTIONS]
    return (*_OPERATORS, *named, *of_collections, "cast", "isof", "case")


CAPABILITIES = service_capabilities()


def with_functions_of(model: Model, capabilities: Capabilities) -> Capabilities:
    """The capabilities of a service whose model has values that functions of an extension are
    about."""
    families = {part.type.family.declared for part in model.parts}
    names = tuple(
        overloads[0].spelling
        for overloads in FUNCTIONS.values()
        if overloads[0].located
        and any(families & argument.families for each in overloads for argument in each.arguments)
    )
    if not names:
        return capabilities
    functions = Annotation("Capabilities.FilterFunctions", (*filter_functions(), *names))
    others = (a for a in capabilities.container if a.term != functions.term)
    return replace(capabilities, container=(*others, functions))


def with_levels(levels: int, capabilities: Capabilities | None = None) -> Capabilities:
    """The capabilities of a service whose $expand can be nested this many levels deep."""
    base = capabilities or service_capabilities()
    expand = _restriction("ExpandRestrictions", ("Expandable", True), ("MaxLevels", levels))
    return replace(base, entity_set=(*base.entity_set, expand))


def container_annotations(
    capabilities: Capabilities, version: ODataVersion
) -> tuple[Annotation, ...]:
    return _of_version(capabilities.container, version)


def set_annotations(
    capabilities: Capabilities, entity_set: EntitySet, version: ODataVersion
) -> tuple[Annotation, ...]:
    searchable = _restriction(
        "SearchRestrictions", ("Searchable", entity_set.entity_type.can_be_searched)
    )
    entity_type = entity_set.entity_type
    return _of_version(
        (
            *capabilities.entity_set,
            searchable,
            _aggregation(entity_type),
            *_property_restrictions(entity_type),
        ),
        version,
    )


def _aggregation(entity_type: EntityType) -> Annotation:
    """What $apply can do. If the type has properties that are secret or made of values, all others
    are listed as those that can be grouped by and aggregated."""
    joins = JOINS if any(n.collection for n in entity_type.navigation.values()) else ()
    members: list[tuple[str, AnnotationValue]] = [
        ("Transformations", tuple(sorted((*TRANSFORMATIONS, *joins)))),
        ("Rollup", EnumMember("Aggregation.RollupType", "MultipleHierarchies")),
        ("From", True),
    ]
    paths = tuple(
        PropertyPath(p.name)
        for p in entity_type.properties.values()
        if p.type.family.is_comparable and not p.secret
    )
    if len(paths) < len(entity_type.properties):
        aggregatable = tuple(
            AnnotationRecord("Aggregation.AggregatablePropertyType", (("Property", path),))
            for path in paths
        )
        members += [("GroupableProperties", paths), ("AggregatableProperties", aggregatable)]
    return Annotation(
        "Aggregation.ApplySupported",
        AnnotationRecord("Aggregation.ApplySupportedType", tuple(members)),
    )


def _property_restrictions(entity_type: EntityType) -> Iterator[Annotation]:
    secrets = tuple(PropertyPath(p.name) for p in entity_type.properties.values() if p.secret)
    if secrets:
        yield _restriction("FilterRestrictions", ("NonFilterableProperties", secrets))
    unordered = tuple(
        PropertyPath(p.name)
        for p in entity_type.properties.values()
        if p.secret or not (p.type.family.is_comparable and p.type.family.is_ordered)
    )
    if unordered:
        yield _restriction("SortRestrictions", ("NonSortableProperties", unordered))


def _of_version(
    annotations: tuple[Annotation, ...], version: ODataVersion
) -> tuple[Annotation, ...]:
    return tuple(a for a in annotations if a.since == "4.0" or version == "4.01")


def _alternate_key(names: tuple[str, ...]) -> AnnotationRecord:
    references = tuple(
        AnnotationRecord("Core.PropertyRef", (("Name", PropertyPath(name)), ("Alias", name)))
        for name in names
    )
    return AnnotationRecord("Core.AlternateKey", (("Key", references),))


_OPTIONAL = Annotation("Core.OptionalParameter", AnnotationRecord("Core.OptionalParameterType", ()))


def optional_parameter(version: ODataVersion) -> tuple[Annotation, ...]:
    """What says of a parameter that it may be left out."""
    return _of_version((_OPTIONAL,), version)


class ShownParameter(NamedTuple):
    """A parameter of a function, as documents show it."""

    name: str
    type_name: str
    collection: bool
    nullable: bool
    optional: bool


def function_parameters(model: Model, function: ModelFunction) -> Iterator[ShownParameter]:
    """The parameters of a function, beginning with what it is bound to."""
    if function.bound_to is not None:
        type_name, name = function.bound_to
        bound = model.entity_types[type_name].qualified_name
        yield ShownParameter(name, bound, function.bound_to_many, False, False)
    for p in function.parameters:
        yield ShownParameter(p.name, p.type_name, p.collection, p.nullable, p.optional)


Described = Property | EntityType | ComplexType | EnumType | TypeDefinition | ModelFunction


def description(element: Described, version: ODataVersion = "4.01") -> tuple[Annotation, ...]:
    """The Core.Description of an element, the Core.MediaType of a binary property, and what the
    model says besides. The description of a secret property says that it reads as null."""
    texts = [element.description] if element.description else []
    if isinstance(element, Property) and element.secret:
        texts.append(SECRET_NOTE)
    found = [Annotation("Core.Description", "; ".join(texts), since="4.0")] if texts else []
    if isinstance(element, Property) and element.media_type is not None:
        found.append(Annotation("Core.MediaType", element.media_type, since="4.0"))
    if isinstance(element, Property | EntityType):
        found += (_repeated(term, value) for term, value in element.annotations)
    if isinstance(element, EntityType) and element.alternate_keys:
        keys = tuple(map(_alternate_key, element.alternate_keys))
        found.append(Annotation("Core.AlternateKeys", keys))
    return _of_version(tuple(found), version)


def _repeated(term: str, value: AnnotationData) -> Annotation:
    """An annotation of the model."""
    if isinstance(value, tuple):
        values = (AnnotationRecord(_ALLOWED_VALUE, (("Value", each),)) for each in value)
        return Annotation(term, tuple(values))
    return Annotation(term, value, since="4.0" if isinstance(value, bool | str) else "4.01")


def used_vocabularies(model: Model) -> dict[str, str]:
    """The vocabularies of a document's annotations, by alias."""
    terms = {term for t in model.entity_types.values() for term, _ in t.annotations}
    for part in model.parts:
        terms |= {term for term, _ in part.annotations}
    aliases = {*_ALWAYS, *(term.partition(".")[0] for term in terms)}
    return {alias: name for alias, name in VOCABULARIES.items() if alias in aliases}
