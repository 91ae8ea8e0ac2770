"""Isolation and entity tags."""

import pytest
from odata_gateway.errors import UrlPrecondition
from odata_gateway.protocol.headers.conditions import names_etag, wants_snapshot


def test_isolation():
    assert wants_snapshot({"odata-isolation": "snapshot"})
    assert wants_snapshot({"isolation": "Snapshot"})
    assert not wants_snapshot({})
    with pytest.raises(UrlPrecondition):
        wants_snapshot({"isolation": "serializable"})


@pytest.mark.parametrize(
    ("header", "expected"),
    [('"a"', True), ('W/"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False), ("a", False), ("", False)],
)
def test_etags_compare_weakly(header, expected):
    assert names_etag(header, 'W/"a"') is expected
