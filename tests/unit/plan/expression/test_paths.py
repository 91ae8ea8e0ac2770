"""What paths lead to: values, entities and collections, and the joins that they ask for."""

from dataclasses import replace

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.plan.expression.paths import bind_path, names_of
from odata_gateway.plan.scope.rows import Reference, Row, RowStructure
from odata_gateway.plan.scope.scope import Computed, EntitySetRef, PathTarget, RelatedCollection, Scope, ServiceRoot
from odata_gateway.plan.tree.relation import Column, ConstantValue, Function
from odata_gateway.types import primitive as types
from tests.harness.binding import expression, scope_of
from tests.harness.cases import MODEL


def shown(place: PathTarget) -> str:
    """What a path leads to, in words."""
    match place:
        case Column():
            return f"t{place.source}.{place.name}" + (" or null" if place.nullable else "")
        case ConstantValue(value=None):
            return "null"
        case Row():
            structure = "made " if place.structure is not None else ""
            return f"{structure}{place.source.entity_type.name} t{place.source.number}" + (" or none" if place.optional else "")
        case RelatedCollection():
            return f"{place.name} of t{place.parent.source.number}, {len(place.filters)} filters"
        case EntitySetRef():
            return f"{place.name}, {len(place.filters)} filters"
        case ServiceRoot():
            return "root"
        case _:
            return type(place).__name__


PATHS = {
    "id": "t0.id",
    "content": "t0.content or null",
    "$it/id": "t0.id",
    "$this/id": "t0.id",
    "$it": "Message t0",
    "LiveAgent.Message/id": "t0.id",
    "sender": "User t1 or none",
    "sender/id": "t1.id or null",
    "sender/LiveAgent.User/id": "t1.id or null",
    "conversation/inbox/name": "t2.name or null",
    "conversation/messages": "messages of t1, 0 filters",
    "conversation/messages/$filter(private)": "messages of t1, 1 filters",
    "$root/Inbox": "$root/Inbox, 0 filters",
    "$root/Inbox/$filter(id eq 1)/$filter(id eq 2)": "$root/Inbox, 2 filters",
    "$root/Inbox(1)": "Inbox t1 or none",
    "$root/Inbox(id=1)/name": "t1.name or null",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_to_what_its_last_segment_is(path):
    assert shown(bind_path(expression(path), scope_of("Message"))) == PATHS[path]


REFUSED = {
    "nope": "Bind.Name",
    "sender/nope": "Bind.Name",
    "id/nope": "Bind.Name",
    "LiveAgent.User/id": "Bind.Name",
    "$root/Nope": "Bind.Name",
    "$root/Inbox/name": "Bind.Type",
    "conversation/messages/id": "Bind.Type",
    "$root/Inbox(nope=1)": "Bind.Type",
    "$root/Inbox('x')": "Bind.Type",
    "$root/Inbox(1.5)": "Bind.Type",
    "$root/Inbox(id)": "Bind.Type",
    "$root/Inbox(true)": "Bind.Type",
    "$root/Inbox(null)": "Bind.Type",
    "sender/$filter(id eq 1)": "Bind.Type",
    "$these": "Unsupported.Feature",
    "conversation/messages(1)": "Unsupported.Feature",
    "sender/tokens": "Bind.Secret",
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_path_that_leads_nowhere_is_refused(path):
    with pytest.raises(ODataError) as caught:
        bind_path(expression(path), scope_of("Message"))
    assert caught.value.code == REFUSED[path] and caught.value.at is not None and caught.value.target is None


@pytest.mark.parametrize(
    ("paths", "joined"),
    [
        (("sender/id", "sender/name", "$it/sender/email"), ["User"]),
        (("conversation/inbox/id", "conversation/id"), ["Conversation", "Inbox"]),
        (("$root/Inbox(1)/id", "$root/Inbox(1)/name"), ["Inbox"]),
        (("id", "conversation/messages"), ["Conversation"]),
    ],
)
def test_one_path_asks_for_one_join(paths, joined):
    scope = scope_of("Message")
    for path in paths:
        bind_path(expression(path), scope)
    assert [join.source.entity_type.name for join in scope.implicit.frame.joins] == joined


def test_a_range_variable_hides_a_property():
    scope = scope_of("Message")
    inner = scope.with_variable("status", scope.binding.row_of(MODEL.entity_sets["User"].entity_type))
    assert shown(bind_path(expression("status/id"), inner)) == "t1.id"
    assert shown(bind_path(expression("$this/id"), inner)) == "t1.id"
    assert shown(bind_path(expression("$it/status"), inner)).startswith("t0.status")


def test_each_use_of_a_computed_name_counts_what_it_repeats():
    value = Function("length", (), types.INT32, True)
    scope = scope_of("Message").with_computed({"long": Computed(value, 5, 2)})
    for _ in range(3):
        assert bind_path(expression("long"), scope) is value
    assert (scope.binding.size.nodes, scope.binding.size.deepest) == (15, 2)


# --- rows that $apply made ----------------------------------------------------------------------------


def made(identity: bool = False) -> Scope:
    """The scope of rows that have a status, a name of a sender, an inbox by its key, and an alias."""
    scope = scope_of("Message")
    message, inbox, user = (MODEL.entity_sets[name].entity_type for name in ("Message", "Inbox", "User"))

    def column(name: str) -> Column:
        return Column(0, name, "", types.INT32, True)

    structure = RowStructure(
        message,
        {
            "status": column("c0"),
            "sender": RowStructure(user, {"name": column("c1")}),
            "inbox": Reference(inbox, (column("c2"),)),
            "n": column("c3"),
        },
        identity=Reference(message, (column("c4"),)) if identity else None,
    )
    return scope.of_derived(replace(scope.implicit, structure=structure))


MEMBERS = {
    "status": ("t0.c0 or null", "t0.c0 or null"),
    "n": ("t0.c3 or null", "t0.c3 or null"),
    "sender/name": ("t0.c1 or null", "t0.c1 or null"),
    "sender": ("made Message t0", "made Message t0"),
    "sender/email": ("null", "t2.email or null"),
    "inbox/name": ("t1.name or null", "t1.name or null"),
    "content": ("null", "t1.content or null"),
    "conversation/id": ("null", "t2.id or null"),
}


@pytest.mark.parametrize("path", MEMBERS)
@pytest.mark.parametrize("identity", [False, True])
def test_what_was_aggregated_away_is_null_unless_the_row_is_an_entity(path, identity):
    assert shown(bind_path(expression(path), made(identity))) == MEMBERS[path][identity]


@pytest.mark.parametrize("path", ["nope", "sender/nope", "tokens"])
def test_names_that_the_type_does_not_have_are_refused_in_made_rows(path):
    with pytest.raises(ODataError) as caught:
        bind_path(expression(path), made())
    assert caught.value.code == "Bind.Name"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("id", ("id",)),
        ("sender/name", ("sender", "name")),
        ("$it/sender/name", ("sender", "name")),
        ("$root/Inbox(1)/id", None),
        ("length(content)", None),
        ("$it", None),
    ],
)
def test_the_names_of_a_path_begin_at_the_row(path, names):
    assert names_of(expression(path), scope_of("Message")) == names
