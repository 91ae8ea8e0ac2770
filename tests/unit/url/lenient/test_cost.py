"""Spellings cost no more than their length: the longest URL takes a fraction of a second, however it is nested."""

from __future__ import annotations

import time

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.url.normalize import normalize
from odata_gateway.url.split import split

LONG = {
    "operators that touch": "$filter=" + "a in(" * 3000,
    "line ends": "$filter=" + "%0A" * 5000,
    "no-break spaces": "$filter=" + "a%C2%A0" * 2000,
    "semicolons": "$expand=" + "a(" + ";" * 15000 + ")",
    "one property many times": "$expand=" + ",".join(["a"] * 7000),
    "one property many times, with options": "$expand=" + ",".join(f"a($select=x{number})" for number in range(900)),
    "twice at the bottom": "$expand=" + "a($expand=" * 1400 + "b,b" + ")" * 1400,
    "twice in each": "$expand=" + "a($expand=b,b)," * 900 + "c",
    "calls that are open": "$filter=" + "cast('A'," * 1600,
    "types in quotes": "$filter=" + "cast(a,'B')and " * 1080,
    "encoded parentheses": "$search=" + "a%28" * 3000,
    "many searches": "$expand=" + "m($search=a%3Bb)," * 950 + "x",
    "one long search": "$expand=m($search=" + "a%3Bb " * 2500 + ")",
    "parentheses": "$filter=" + "(" * 15000,
    "option names": "&".join(["%20x=1"] * 2000),
    "entities of HTML": "amp;" * 3900 + "x=1",
    "blanks between transformations": "$apply=" + "identity / " * 1400 + "identity",
    "dates": "$filter=a in (" + "2021-11-23T00:00:00," * 750 + "2021-11-23)",
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_url_is_read_or_refused_at_once(name):
    began = time.process_time()
    try:
        normalize(split(f"Message?{LONG[name]}"))
    except ODataError as error:
        assert error.status == 400
    assert time.process_time() - began < 1.5
