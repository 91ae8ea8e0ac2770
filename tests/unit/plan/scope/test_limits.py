"""Counters refuse what is over a limit, at the place they are told, and name the setting that allows more."""

from collections.abc import Callable

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.plan.scope.limits import Limits, RequestSize, check_list


def nested(size: RequestSize, levels: int) -> None:
    if levels:
        with size.level(levels):
            nested(size, levels - 1)


def within(size: RequestSize, levels: int) -> None:
    if levels:
        with size.within_collection(7):
            within(size, levels - 1)


def repeated(count: int, step: Callable[[], None]) -> None:
    for _ in range(count):
        step()


Use = Callable[[RequestSize, int], None]
COUNTED: dict[str, tuple[Limits, Use, str, str]] = {
    "levels": (Limits(depth=3), nested, "Limit.Depth", "ODATA_MAX_DEPTH"),
    "levels of a computed name": (Limits(depth=3), lambda s, n: s.spend(1, n, 7), "Limit.Depth", "ODATA_MAX_DEPTH"),
    "nodes": (Limits(nodes=3), lambda s, n: repeated(n, lambda: s.spend(1, 0, 7)), "Limit.Nodes", "ODATA_MAX_NODES"),
    "nodes at once": (Limits(nodes=3), lambda s, n: s.spend(n, 0, 7), "Limit.Nodes", "ODATA_MAX_NODES"),
    "collections": (Limits(lambda_depth=3), within, "Limit.Depth", "ODATA_MAX_LAMBDA_DEPTH"),
    "expands": (Limits(expands=3), lambda s, n: repeated(n, lambda: s.expand(0, 7)), "Limit.Nodes", "ODATA_MAX_EXPANDS"),
    "levels of $expand": (Limits(expand_depth=4), lambda s, n: s.expand(n, 7), "Limit.Depth", "ODATA_MAX_EXPAND_DEPTH"),
    "sets of $crossjoin": (Limits(expands=3), lambda s, n: repeated(n, lambda: s.cross(7)), "Limit.Nodes", "ODATA_MAX_EXPANDS"),
    "items of a list": (Limits(list_items=3), lambda s, n: check_list(n, s.limits, at=7), "Limit.Nodes", "ODATA_MAX_LIST_ITEMS"),
}


@pytest.mark.parametrize("name", COUNTED)
def test_a_limit_allows_as_many_as_it_says_and_not_one_more(name):
    limits, use, code, setting = COUNTED[name]
    use(RequestSize(limits), 3)
    with pytest.raises(ODataError) as caught:
        use(RequestSize(limits), 4)
    assert caught.value.code == code
    assert caught.value.hint == f"raise {setting} to allow more"
    assert caught.value.target is None and caught.value.at is not None


def test_levels_are_left_again_and_nodes_are_not():
    size = RequestSize(Limits(depth=2))
    for _ in range(5):
        nested(size, 2)
    assert (size.depth, size.deepest, size.nodes) == (0, 2, 10)


def test_collections_are_left_again():
    size = RequestSize(Limits(lambda_depth=2))
    for _ in range(5):
        within(size, 2)
    assert size.collections == 0


def test_a_list_outside_of_a_binding_names_its_option():
    with pytest.raises(ODataError) as caught:
        check_list(2, Limits(list_items=1), at=3, target="$filter")
    assert (caught.value.target, caught.value.at) == ("$filter", 3)
