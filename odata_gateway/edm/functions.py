"""Functions of the model, which are functions of the database that only read (CSDL 4.01, section
12), and the choice of an overload: of theirs by the names of the parameters, of a canonical
function's by the types of the arguments.

`types.canonical_functions` holds the functions themselves. Names ignore case (4.01).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from odata_gateway.edm.properties import ComplexType, TypeDefinition
from odata_gateway.errors import BindName, BindType, Unsupported, nearest
from odata_gateway.types.function import FunctionOverload
from odata_gateway.types.primitive import BOOLEAN, INT32, PrimitiveType
from odata_gateway.types.registry import FUNCTIONS

# Functions of collections (5.1.1.5, 5.1.1.6): the result's type, and how many collections they
# take.
COLLECTION_FUNCTIONS: dict[str, tuple[PrimitiveType, int]] = {
    "contains": (BOOLEAN, 2),
    "endswith": (BOOLEAN, 2),
    "hassubset": (BOOLEAN, 2),
    "hassubsequence": (BOOLEAN, 2),
    "indexof": (INT32, 2),
    "length": (INT32, 1),
    "startswith": (BOOLEAN, 2),
}

UNSUPPORTED = ("case",)


def resolve(
    name: str,
    types: Sequence[PrimitiveType | None],
    *,
    target: str | None = None,
    at: int | None = None,
) -> FunctionOverload:
    """The overload of a function that fits arguments of these types; null literals have type None.

    raises  BindName for a name that is not a function's, Unsupported for one that is not served,
            BindType for arguments that do not fit
    """
    key = name.lower()
    overloads = FUNCTIONS.get(key)
    if overloads is None:
        if key in UNSUPPORTED or key.startswith("geo."):
            raise Unsupported(f"function {name} is not supported", target=target, at=at)
        raise BindName(
            f"there is no function '{name}'", target=target, at=at, hint=nearest(key, FUNCTIONS)
        )
    for overload in overloads:
        if overload.fits(types):
            return overload
    raise BindType(
        _misfit(key, overloads, types), target=target, at=at, hint=_usage(key, overloads)
    )


def _misfit(
    key: str, overloads: tuple[FunctionOverload, ...], types: Sequence[PrimitiveType | None]
) -> str:
    counts = sorted({len(overload.arguments) for overload in overloads})
    if len(types) not in counts:
        wanted = " or ".join(str(count) for count in counts)
        return f"{key} takes {wanted} argument{'' if counts == [1] else 's'}, not {len(types)}"
    given = ", ".join("null" if t is None else t.name for t in types)
    return f"{key} cannot be applied to ({given})"


def _usage(key: str, overloads: tuple[FunctionOverload, ...]) -> str:
    return "write " + " or ".join(_form(key, overload) for overload in overloads)


def _form(name: str, overload: FunctionOverload) -> str:
    arguments = (
        sorted(name.removeprefix("Edm.") for name in argument.names)
        or sorted(f.label for f in argument.families)
        for argument in overload.arguments
    )
    return f"{name}({', '.join('|'.join(labels) for labels in arguments)})"


# --- functions of the model -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FunctionParameter:
    """A parameter that a request gives.

    type      of its value, or of the items of a collection
    column    its name in Postgres; "" where it is passed by its place
    pg_type   the Postgres type that it has there, by the short name of one of Postgres's own, or as
              `schema.name`
    optional  the function has a default for it
    structure  the complex type of its value or items
    declared   the type definition that the model names in place of the type
    """

    name: str
    type: PrimitiveType
    column: str
    pg_type: str
    nullable: bool = True
    optional: bool = False
    collection: bool = False
    structure: ComplexType | None = None
    declared: TypeDefinition | None = None

    @property
    def type_name(self) -> str:
        return self.type.name if self.declared is None else self.declared.qualified_name


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """What a function returns.

    type     a primitive type, or the qualified name of an entity type or complex type
    pg_type  of primitive values: what they are in Postgres
    declared  as of a parameter
    """

    type: PrimitiveType | str
    collection: bool
    nullable: bool = True
    pg_type: str = ""
    declared: TypeDefinition | None = None

    @property
    def type_name(self) -> str:
        return str(self.type) if self.declared is None else self.declared.qualified_name


@dataclass(frozen=True, slots=True, eq=False)
class ModelFunction:
    """A function, or one of several of the same name.

    schema, routine  its name in Postgres
    bound_to         the name of the entity type whose entities it is called for, with the name of
                     the first parameter
    bound_column     the column that is passed for such an entity; None: the whole row
    bound_to_many    it is called for a collection of such entities, and given an array
    """

    name: str
    namespace: str
    schema: str
    routine: str
    parameters: tuple[FunctionParameter, ...]
    result: FunctionResult
    composable: bool = True
    bound_to: tuple[str, str] | None = None
    bound_column: str | None = None
    bound_to_many: bool = False
    description: str | None = None

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def qualified_name(self) -> str:
        return f"{self.namespace}.{self.name}"

    @property
    def form(self) -> str:
        """How it is called, for messages."""
        shown = (f"[{p.name}=...]" if p.optional else f"{p.name}=..." for p in self.parameters)
        return f"{self.name}({','.join(shown)})"

    def takes(self, names: Iterable[str]) -> bool:
        """Whether it can be called with parameters of these names."""
        given = set(names)
        needed = {p.name for p in self.parameters if not p.optional}
        return needed <= given <= {p.name for p in self.parameters}


@dataclass(frozen=True, slots=True)
class FunctionImport:
    """A function that is called at the service root: the unbound ones of a name.

    entity_set  the set that its entities are of; None where it returns something else
    listed      it stands in the service document
    """

    name: str
    functions: tuple[ModelFunction, ...]
    entity_set: str | None = None
    listed: bool = False


def overload_of(functions: Iterable[ModelFunction], names: Iterable[str]) -> ModelFunction | None:
    """The function that takes parameters of these names, with the fewest others."""
    given = list(names)
    able = [f for f in functions if f.takes(given)]
    return min(able, key=lambda f: len(f.parameters), default=None)
