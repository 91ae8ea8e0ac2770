"""Requests and replies as values."""

import pytest
from odata_gateway.protocol.message import headers_by_name


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], {}),
        ([("Accept", "a"), ("Host", "h")], {"accept": "a", "host": "h"}),
        ([("Accept", "a"), ("ACCEPT", "b"), ("Host", "h"), ("accept", "c")], {"accept": "a, b, c", "host": "h"}),
    ],
)
def test_headers_are_by_lower_case_name_and_repeated_ones_become_one_list(pairs, expected):
    assert headers_by_name(pairs) == expected
