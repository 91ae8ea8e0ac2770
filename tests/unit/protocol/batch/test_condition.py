"""Conditions of a JSON batch: success of earlier requests, and their combinations."""

import pytest
from odata_gateway.errors import UrlDependency
from odata_gateway.protocol.batch.condition import holds

SUCCEEDED = {"a": True, "b": False, "not": True, "1.x~-_": True}


def is_met(condition):
    return holds(condition, SUCCEEDED.__getitem__)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("$a/$succeeded", True), ("$b/$succeeded", False), (" $a/$succeeded ", True), ("$1.x~-_/$succeeded", True), ("$not/$succeeded", True),
        ("not $b/$succeeded", True), ("not not $b/$succeeded", False), ("$a/$succeeded and $b/$succeeded", False),
        ("$a/$succeeded or $b/$succeeded", True), ("true", True), ("FALSE", False), ("(true)", True), ("((false)) or true", True),
        ("$a/$succeeded eq true", True), ("$b/$succeeded ne false", False), ("$a/$succeeded eq $b/$succeeded", False),
        ("true or false and false", True), ("(true or false) and false", False), ("not true eq false", True), ("not (true eq false)", True),
        ("false eq false eq true", True), ("NOT $b/$succeeded AND True", True),
    ],
)  # fmt: skip
def test_conditions_are_computed_with_the_usual_precedence(condition, expected):
    assert is_met(condition) is expected


@pytest.mark.parametrize(
    "condition",
    [
        "", "$a", "$a/status eq 200", "$a/$succeeded/x", "$a/$succeededx", "1 eq 1", "true and", "or true", "(true", "true)", "true false", "not",
        "$a/$succeeded lt true", "a/$succeeded", "'x'", "(" * 101 + "true" + ")" * 101, "not " * 102 + "true", " and ".join(["true"] * 501),
    ],
)  # fmt: skip
def test_any_other_condition_is_not_supported(condition):
    with pytest.raises(UrlDependency) as caught:
        is_met(condition)
    assert caught.value.target == "if" and caught.value.hint == "write $<id>/$succeeded, combined with and, or, not"


def test_depth_and_length_have_a_limit():
    assert is_met("(" * 100 + "true" + ")" * 100)
    assert is_met(" and ".join(["true"] * 500))


def test_a_name_may_be_refused():
    with pytest.raises(KeyError):
        is_met("$c/$succeeded")
