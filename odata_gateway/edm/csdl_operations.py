"""Functions and function imports of a CSDL JSON document.

    function          @Gateway.Function "schema.name", and @Gateway.Unscoped true, because no row
                      policy stands beside a function: it reads the same for every caller
    parameter         @Gateway.Column: its name in Postgres (default: the parameter's name), "" to
                      pass it by its place; @Gateway.PgType, which an enumeration and a complex
                      type need. Of the binding parameter, @Gateway.Column is the column that is
                      passed; without it the row is. For a collection it is an array of these
    return type       @Gateway.PgType of primitive values

A parameter with @Core.OptionalParameter has a default in the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from odata_gateway.edm.csdl_joins import is_identifier, parse_table
from odata_gateway.edm.csdl_properties import (
    DESCRIPTIONS,
    DeclaredValueType,
    is_name,
    read_description,
)
from odata_gateway.edm.csdl_types import read_table
from odata_gateway.edm.functions import (
    FunctionImport,
    FunctionParameter,
    FunctionResult,
    ModelFunction,
)
from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import ComplexType, EntitySet, EntityType, EnumType, TypeDefinition
from odata_gateway.types.families.structured import object_type
from odata_gateway.types.primitive import PRIMITIVE_TYPES, STRING, PrimitiveType

_FACETS = ("$Nullable", "$MaxLength", "$Precision", "$Scale")
_FUNCTION_MEMBERS = (
    *("$Kind", "$IsBound", "$IsComposable", "$EntitySetPath", "$Parameter", "$ReturnType"),
    *("@Gateway.Function", "@Gateway.Unscoped", *DESCRIPTIONS),
)
_OPTIONAL = ("@Core.OptionalParameter", "@Org.OData.Core.V1.OptionalParameter")
_PARAMETER_MEMBERS = (
    *("$Name", "$Type", "$Collection", *_FACETS),
    *("@Gateway.Column", "@Gateway.PgType", *DESCRIPTIONS),
)
_RESULT_MEMBERS = ("$Type", "$Collection", *_FACETS, "@Gateway.PgType")
_IMPORT_MEMBERS = ("$Kind", "$Function", "$EntitySet", "$IncludeInServiceDocument")

RowTypes = Mapping[str, EntityType]
"""Entity types and complex types by their qualified names."""


@dataclass(frozen=True, slots=True)
class OperationTypes:
    """The types that parameters and results may have.

    rows    entity types, and complex types as the types of rows
    values  complex types, enumerations and type definitions
    """

    rows: RowTypes
    values: Mapping[str, DeclaredValueType]


def functions_of_name(
    node: JsonNode, name: str, namespace: str, types: OperationTypes
) -> Iterator[ModelFunction]:
    """The functions of one name, which are an array in CSDL JSON."""
    if not is_name(name):
        node.fail("is not a name")
    known = set[tuple[object, ...]]()
    for child in _items(node):
        function = _read_function(child, name, namespace, types)
        if function is None:
            continue
        bound = function.bound_to and function.bound_to[0], function.bound_to_many
        names = (*bound, *sorted(_names(function)))
        if names in known:
            child.fail("another function of this name has the same parameters")
        known.add(names)
        yield function


def _names(function: ModelFunction) -> Iterable[str]:
    return (parameter.name for parameter in function.parameters)


def _items(node: JsonNode) -> Iterator[JsonNode]:
    """The objects of an array."""
    for number, value in enumerate(node.value):
        child = JsonNode(value, f"{node.path}/{number}", node.mistakes)
        if child.is_object:
            yield child
        else:
            child.fail("must be an object")


def _read_function(
    node: JsonNode, name: str, namespace: str, types: OperationTypes
) -> ModelFunction | None:
    if node.value.get("$Kind") != "Function":
        node.fail("only functions are served, because the service is read-only", "$Kind")
        return None
    node.allow(_FUNCTION_MEMBERS)
    if not node.flag("@Gateway.Unscoped"):
        node.fail("@Gateway.Unscoped must be true: a function has no row policy")
    routine = read_table(node, "@Gateway.Function")
    parameters = _array(node, "$Parameter")
    binding = parameters.pop(0) if node.flag("$IsBound") and parameters else None
    if node.flag("$IsBound") and binding is None:
        node.fail("a bound function has a parameter for what it is bound to", "$IsBound")
    bound_to, bound_column = (None, None) if binding is None else _read_binding(binding, types.rows)
    if not node.has("$ReturnType"):
        node.fail("$ReturnType is missing")
        return None
    return ModelFunction(
        name,
        namespace,
        routine.schema,
        routine.name,
        tuple(_read_parameter(each, types) for each in parameters),
        _read_result(node.child("$ReturnType"), types),
        node.flag("$IsComposable"),
        bound_to,
        bound_column,
        binding is not None and binding.flag("$Collection"),
        read_description(node),
    )


def _array(node: JsonNode, member: str) -> list[JsonNode]:
    if not node.has(member):
        return []
    child = node.child(member)
    if isinstance(child.value, list):
        return list(_items(child))
    child.fail("must be an array")
    return []


def _read_binding(node: JsonNode, types: RowTypes) -> tuple[tuple[str, str] | None, str | None]:
    node.allow(_PARAMETER_MEMBERS)
    name, type_name = node.required_text("$Name"), node.required_text("$Type")
    found = types.get(type_name)
    if found is None or found.is_complex:
        node.fail(f"no entity type is called {type_name}", "$Type")
        return None, None
    column = node.text("@Gateway.Column")
    if column is None:
        if found.row_key is not None:
            node.fail(f"{found.name} has a key of the service, so a column of it must be passed")
        return (found.name, name), None
    if column not in {p.column for p in found.properties.values()}:
        node.fail(f"{found.name} has no property of this column", "@Gateway.Column")
    return (found.name, name), column


def _read_parameter(node: JsonNode, types: OperationTypes) -> FunctionParameter:
    node.allow((*_PARAMETER_MEMBERS, *_OPTIONAL))
    name = node.required_text("$Name")
    if name and not is_name(name):
        node.fail("is not a name", "$Name")
    type_, found = _value_type(node, types)
    column = node.text("@Gateway.Column", name) or ""
    if column and not is_identifier(column):
        node.fail("Postgres cannot have this name", "@Gateway.Column")
    optional = any(node.value.get(term, False) is not False for term in _OPTIONAL)
    is_own = isinstance(found, ComplexType) or (
        isinstance(found, EnumType) and "enum" in type_.column_types
    )
    return FunctionParameter(
        name,
        type_,
        column,
        _own_type(node) if is_own else _pg_type(node, type_),
        node.flag("$Nullable"),
        optional,
        node.flag("$Collection"),
        found if isinstance(found, ComplexType) else None,
        found if isinstance(found, TypeDefinition) else None,
    )


def _value_type(
    node: JsonNode, types: OperationTypes
) -> tuple[PrimitiveType, DeclaredValueType | None]:
    """The type of a value or of the items of a collection, and the declared one that it is."""
    name = node.text("$Type", "Edm.String") or ""
    if name in PRIMITIVE_TYPES:
        return PRIMITIVE_TYPES[name], None
    match types.values.get(name):
        case ComplexType() as found:
            return object_type(found.qualified_name), found
        case EnumType() | TypeDefinition() as found:
            return found.type, found
    node.fail(f"no primitive type, enumeration or complex type is called {name}", "$Type")
    return STRING, None


def _own_type(node: JsonNode) -> str:
    """The type in Postgres of a parameter that is one of the database's own."""
    pg_type = node.text("@Gateway.PgType") or ""
    if parse_table(pg_type) is None:
        node.fail("must name the type in Postgres, as schema.name", "@Gateway.PgType")
    return pg_type


def _pg_type(node: JsonNode, type_: PrimitiveType) -> str:
    """A type that the model may declare for columns; for texts also one of the database's own."""
    allowed = type_.column_types
    pg_type = node.text("@Gateway.PgType", allowed[0]) or ""
    if pg_type not in allowed and not (type_ is STRING and parse_table(pg_type)):
        own = " or a type as schema.name" if type_ is STRING else ""
        node.fail(f"{type_} is passed as {', '.join(allowed)}{own}", "@Gateway.PgType")
    return pg_type


def _read_result(node: JsonNode, types: OperationTypes) -> FunctionResult:
    if not node.is_object:
        node.fail("must be an object")
        return FunctionResult(STRING, False)
    node.allow(_RESULT_MEMBERS)
    name = node.text("$Type", "Edm.String") or ""
    many, nullable = node.flag("$Collection"), node.flag("$Nullable")
    if name in types.rows:
        if types.rows[name].row_key is not None:
            node.fail(f"the key of {name} is made of rows of its table", "$Type")
        return FunctionResult(types.rows[name].qualified_name, many, nullable)
    type_, found = _value_type(node, types)
    declared = found if isinstance(found, TypeDefinition) else None
    return FunctionResult(type_, many, nullable, _pg_type(node, type_), declared)


def read_import(
    name: str, node: JsonNode, functions: Mapping[str, tuple[ModelFunction, ...]]
) -> FunctionImport | None:
    """A function import; `functions` has the functions by their qualified names."""
    node.allow(_IMPORT_MEMBERS)
    called = node.required_text("$Function")
    unbound = tuple(f for f in functions.get(called, ()) if f.bound_to is None)
    if not unbound:
        if called:
            node.fail(f"no unbound function is called {called}", "$Function")
        return None
    listed = node.flag("$IncludeInServiceDocument")
    if listed and not any(f.takes(()) for f in unbound):
        node.fail("only a function without parameters can be", "$IncludeInServiceDocument")
    return FunctionImport(name, unbound, node.text("$EntitySet"), listed)


def check_import(
    name: str, node: JsonNode, found: FunctionImport, sets: Mapping[str, EntitySet]
) -> None:
    """Whether the set of a function import is one of its result's type."""
    if found.entity_set is None:
        return
    if found.entity_set not in sets:
        node.fail(f"no entity set is called {found.entity_set}", "$EntitySet")
        return
    of_set = sets[found.entity_set].entity_type.qualified_name
    for function in found.functions:
        if function.result.type != of_set:
            text = f"{found.entity_set} is a set of {of_set}, which {name} does not return"
            node.fail(text, "$EntitySet")
