"""Calls of functions in a path: `top_customers(n=5)`, `Customers(1)/Shop.orders_since(day=@d)` (URL
Conventions 4.7, 4.8; CSDL 4.01, section 12).

The rows that a function returns are a source like a table: whatever follows the call takes them as
it takes the rows of a set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from odata_gateway.edm.functions import FunctionParameter, ModelFunction, overload_of
from odata_gateway.edm.model import EntitySet, EntityType, Property
from odata_gateway.edm.row_keys import ENTITY_ROW_KEY, ROW, complex_rows
from odata_gateway.errors import BindSegment, BindType, nearest
from odata_gateway.plan.resource.arguments import bind_argument
from odata_gateway.plan.resource.resolved_path import ResolvedPath
from odata_gateway.plan.scope.rows import VALUE, Frame, Row
from odata_gateway.plan.scope.scope import Binding, Scope
from odata_gateway.plan.tree.leaves import CallArgument
from odata_gateway.plan.tree.relation import Block, CalledFunction, Column, Source
from odata_gateway.types.primitive import STRING, PrimitiveType
from odata_gateway.url import ast

Arguments = dict[str, ast.Expr]
"""The arguments of a call by the name of their parameter."""
_NO_ROWS = complex_rows("", "", {})


def call_of_import(segment: ast.Segment, binding: Binding) -> ResolvedPath | None:
    """What a function that is called at the service root returns; None for another segment."""
    found = binding.model.imports.get(segment.name)
    if found is None:
        return None
    arguments = _arguments(segment, found.functions, binding)
    function = _chosen(found.functions, arguments, segment)
    of_set = None if found.entity_set is None else binding.model.entity_sets[found.entity_set]
    call = CalledFunction(function, tuple(_bound(function, arguments, segment, binding)))
    return _result(call, of_set, binding)


def call_on_entity(
    place: ResolvedPath, segment: ast.Segment, binding: Binding
) -> ResolvedPath | None:
    """What a function that is bound to an entity or a collection of entities returns; None where no
    function of that name is."""
    named = _bound_functions(place, segment, binding)
    functions = tuple(f for f in named if f.bound_to_many == (place.state == "collection"))
    if not functions and named:
        what = "a collection" if named[0].bound_to_many else "one entity"
        text = f"'{segment.name}' is called for {what}, not for {place.shown}"
        raise BindSegment(text, at=segment.at)
    if not functions:
        return None
    arguments = _arguments(segment, functions, binding)
    function = _chosen(functions, arguments, segment)
    args = (_binding_argument(function, place.row), *_bound(function, arguments, segment, binding))
    call, of_rows = CalledFunction(function, args), place.block
    if function.bound_to_many:
        return _result(call, None, binding, beside=of_rows, parent=place.parent)
    return _result(call, None, binding, beside=of_rows, parent=of_rows)


def _bound_functions(
    place: ResolvedPath, segment: ast.Segment, binding: Binding
) -> tuple[ModelFunction, ...]:
    """The functions of a name that are bound to entities of this type or its bases. The namespace
    may be left out, as that of a default namespace (4.01), where nothing else has the name."""
    entity_type, model = place.entity_set.entity_type, binding.model
    bound_to = {each.name for each in model.bases(entity_type)}
    name, found = segment.name, model.functions.get(segment.name, ())
    is_taken = name in entity_type.properties or name in entity_type.navigation
    is_key = place.state == "collection" and segment.args is None
    if not found and not (is_taken or is_key or binding.strict):
        found = tuple(f for each in model.functions.values() for f in each if f.name == name)
    return tuple(f for f in found if f.bound_to is not None and f.bound_to[0] in bound_to)


# --- arguments ------------------------------------------------------------------------------------


def _arguments(
    segment: ast.Segment, functions: tuple[ModelFunction, ...], binding: Binding
) -> Arguments:
    """The arguments in parentheses, and those that aliases with the names of parameters are
    (implicit parameter aliases, Protocol 11.5.4.1.1)."""
    found: Arguments = {}
    for node in segment.args or ():
        if not isinstance(node, ast.NamedArgument):
            raise BindType(
                f"the parameters of '{segment.name}' have names",
                at=node.at,
                hint="write name=value",
            )
        if node.name in found:
            raise BindType(f"parameter '{node.name}' is given twice", at=node.at)
        found[node.name] = node.value
    implicit = {p.name for function in functions for p in function.parameters}
    aliases = {name: f"@{name}" for name in implicit - found.keys()}
    return found | {
        name: ast.Alias(alias, segment.at)
        for name, alias in aliases.items()
        if alias in binding.aliases
    }


def _chosen(
    functions: tuple[ModelFunction, ...], arguments: Arguments, segment: ast.Segment
) -> ModelFunction:
    """The overload that the names of the arguments choose (CSDL 12.2)."""
    found = overload_of(functions, arguments)
    if found is not None:
        return found
    known = {p.name for function in functions for p in function.parameters}
    unknown = next((name for name in arguments if name not in known), None)
    forms = " or ".join(function.form for function in functions)
    if unknown is not None:
        hint = nearest(unknown, known) or f"write {forms}"
        at = arguments[unknown].at
        raise BindSegment(f"{segment.name} has no parameter '{unknown}'", at=at, hint=hint)
    message = f"{segment.name} cannot be called with these parameters"
    raise BindSegment(message, at=segment.at, hint=f"write {forms}")


def _bound(
    function: ModelFunction, arguments: Arguments, segment: ast.Segment, binding: Binding
) -> Iterator[tuple[FunctionParameter, CallArgument]]:
    source = Source(-1, _NO_ROWS)  # arguments have no names in them
    scope = Scope.of(binding, Row(Frame(source), source))
    for parameter in function.parameters:
        if parameter.name in arguments:
            yield (
                parameter,
                bind_argument(parameter, arguments[parameter.name], segment.name, scope),
            )


def _binding_argument(function: ModelFunction, row: Row) -> tuple[FunctionParameter, Column]:
    """The row that a function is bound to, or the column of it that the function takes."""
    source = row.source
    assert function.bound_to is not None
    name, column = function.bound_to[1], function.bound_column
    found = next((p for p in source.entity_type.properties.values() if p.column == column), None)
    type_, pg_type = (STRING, "") if found is None else (found.type, found.pg_type)
    parameter = FunctionParameter(name, type_, "", "")
    return parameter, Column(source.number, column or ROW, pg_type, type_, False)


# --- results --------------------------------------------------------------------------------------


def _result(
    call: CalledFunction,
    of_set: EntitySet | None,
    binding: Binding,
    *,
    beside: Block | None = None,
    parent: Block | None = None,
) -> ResolvedPath:
    """What a call returns, as the place that a path has led to.

    beside  the rows that the function is bound to
    parent  those of which one must be there
    """
    result = call.function.result
    if isinstance(result.type, PrimitiveType):
        prop = Property(VALUE, result.type, result.nullable, VALUE, result.pg_type)
        rows = complex_rows("", "", {VALUE: prop})
        name = result.type_name
    else:
        rows, prop, name = _row_type(binding, result.type), None, result.type
    entity_set = EntitySet("", rows, {})
    if not rows.is_complex:
        known = of_set or binding.model.set_of_type[rows.name]
        entity_set = replace(known, entity_type=rows)
    returned = replace(entity_set, returned=entity_set)
    binding.calls[rows] = Source(0, rows, call=call, beside=beside)
    row = binding.row_of(rows)
    place = ResolvedPath(
        "collection" if result.collection else "entity",
        returned,
        row,
        optional=not result.collection,
        pieces=() if rows.is_complex else (returned.name,),
        above=parent,
        is_final=not call.function.composable,
    )
    if result.collection:
        context = f"Collection({name})" if rows.is_complex else None
        return replace(place, context=context)
    return _single(place, prop, name)


def _single(place: ResolvedPath, prop: Property | None, name: str) -> ResolvedPath:
    """The only value or row that a call returns, of the type of this name."""
    if prop is not None and (value := place.row.as_value) is not None:
        place = replace(place, state="property", value=value, optional=False)
        return replace(place, prop=prop, context=name)
    is_complex = place.entity_set.entity_type.is_complex
    return replace(place, context=name if is_complex else None, is_anonymous=True)


def _row_type(binding: Binding, name: str) -> EntityType:
    """The type of the rows of a call: like the model's, and of this call alone."""
    found = binding.model.row_type(name)
    return replace(found) if found.is_complex else _returned(found)


def cast_of_result(entity_set: EntitySet, derived: EntityType, binding: Binding) -> EntitySet:
    """The entities that a function returned and that are of a derived type, as a set."""
    rows = _returned(derived)
    binding.calls[rows] = replace(binding.calls[entity_set.entity_type], entity_type=rows)
    found = replace(binding.model.cast_set(entity_set, rows), returned=None)
    return replace(found, returned=found)


def _returned(found: EntityType) -> EntityType:
    """An entity type whose rows a function returns."""
    null_keys = tuple(replace(p, null_key=f"{found.name}.{p.name}") for p in found.key)
    keys = {p.name: p for p in null_keys}
    return replace(
        found,
        properties={name: keys.get(name, p) for name, p in found.properties.items()},
        null_keys=null_keys,
        returned_key=ENTITY_ROW_KEY,
        indexes=frozenset(),
    )
