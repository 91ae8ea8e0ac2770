"""The Prefer header: checklist section L."""

import pytest
from odata_gateway.protocol.headers.preferences import Preferences, preferences


@pytest.mark.parametrize(
    ("prefer", "size", "applied"),
    [
        ("odata.maxpagesize=2", 2, "odata.maxpagesize=2"),
        ("maxpagesize=2", 2, "maxpagesize=2"),
        ("OData.MaxPageSize = 2", 2, "OData.MaxPageSize = 2"),
        ('maxpagesize="2"', 2, 'maxpagesize="2"'),
        ("respond-async, maxpagesize=7; x=y", 7, "maxpagesize=7"),
        ("maxpagesize=2, odata.maxpagesize=3", 2, "maxpagesize=2"),
        ("foo=bar, odata.maxpagesize=0, =", None, None),
        ("maxpagesize=-1", None, None),
        ("maxpagesize=1.5", None, None),
        ("maxpagesize=", None, None),
        ("maxpagesize", None, None),
        ("maxpagesize=٣", None, None),
        ("", None, None),
    ],
)
def test_page_size_preference(prefer, size, applied):
    found = preferences({"prefer": prefer})
    assert (found.maxpagesize, found.applied("maxpagesize")) == (size, applied)


def test_preferences_understood_together():
    found = preferences(
        {"prefer": 'odata.omit-values=nulls, odata.include-annotations="*", return=minimal, respond-async, odata.track-changes'}
    )
    assert found.omit_nulls
    assert found.spelled == {
        "omit-values": "odata.omit-values=nulls",
        "include-annotations": 'odata.include-annotations="*"',
        "return": "return=minimal",
        "respond-async": "respond-async",
        "track-changes": "odata.track-changes",
    }
    assert found.applied("omit-values", "maxpagesize", "include-annotations") == 'odata.omit-values=nulls, odata.include-annotations="*"'


@pytest.mark.parametrize("prefer", ["return=all", "respond-async=1", "track-changes=x", "include-annotations", "continue-on-error=maybe"])
def test_preferences_with_other_values_are_ignored(prefer):
    assert preferences({"prefer": prefer}) == Preferences()


@pytest.mark.parametrize(("prefer", "expected"), [("continue-on-error", True), ("odata.continue-on-error=False", False), ("", None)])
def test_a_batch_goes_on_as_the_client_prefers(prefer, expected):
    assert preferences({"prefer": prefer}).continue_on_error is expected


def test_defaults_cannot_be_omitted():
    assert preferences({"prefer": "omit-values=defaults"}).applied("omit-values") is None
