"""The choice of a function's overload by the types of the arguments.

`types.canonical_functions` holds the functions themselves. Names ignore case (4.01).
"""

from __future__ import annotations

from collections.abc import Sequence

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

UNSUPPORTED = ("case", "geo.distance", "geo.intersects", "geo.length")


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
    arguments = (sorted(f.label for f in argument.families) for argument in overload.arguments)
    return f"{name}({', '.join('|'.join(labels) for labels in arguments)})"
