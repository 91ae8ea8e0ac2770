"""Headers as the layers above the HTTP library see them."""

import pytest
from odata_gateway.protocol.message import headers_by_name


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], {}),
        ([("Accept", "a"), ("Host", "h")], {"accept": "a", "host": "h"}),
        ([("Accept", "a"), ("ACCEPT", "b"), ("Host", "h")], {"accept": "a, b", "host": "h"}),
        ([("x", "1"), ("X", "2"), ("x", "")], {"x": "1, 2, "}),
    ],
)
def test_repeated_headers_become_one_list(pairs, expected):
    assert headers_by_name(pairs) == expected
