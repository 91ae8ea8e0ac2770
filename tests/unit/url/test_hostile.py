"""Whatever comes over the wire: an answer or an ODataError, and soon."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odata_gateway.errors import ODataError
from odata_gateway.url import ast
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split

MAX_BYTES = 16_384

SEEDS = [
    "Conversation(1)/messages(id=2)?$select=id,status&$filter=created_at le '2021-11-23T00:00:00' and not contains(content,'a''b')&apikey=K",
    "Message?$filter=id in (1,2,null) or messages/any(m:m/private eq true and m/x in ('a','b')) and hour(created_at) add 1 gt -5.5e3",
    "Message?$expand=inbox($select=id;$expand=messages($filter=x eq 2021-11-23T00:00:00Z;$orderby=id desc;$top=5;$levels=max;@p=1)),labels/$ref",
    "Message?$apply=filter(a eq 1)/groupby((a/b,rollup(c,d)),aggregate($count as n,id mul 2 with sum as s))/orderby(n desc)/top(3)",
    "Message?$search=a AND (b OR NOT \"c d\")&$compute=length(x) as len&$count=true&$top=10&$skip=5&$format=json&@p=[1,{\"a\":[null,x]}]",
    "Message?$filter=geo.distance(p,geography'SRID=0;Point(1 2)') lt duration'P1DT2H' and g eq 89f20666-e17d-427c-9283-268ba7870283",
    "$crossjoin(A,B)?$filter=A/x eq B/y&$select=*,A.*,b/C.d/e($top=1)",
    "Message/$filter(a/b eq @p)/$count?@p=case(a:1,true:2)",
]  # fmt: skip
PIECES = ["'", "''", "(", ")", "[", "]", "{", "}", '"', ",", ";", ":", "/", "//", "$", "@", "&", "=", "%27", "%", "%zz", "%FF", "%00", "+", " ", "  ", "\t", "-",
          "--", ".", "..", "*", "\\", "#", "?", "\n", "é", "\ud800", "null", "true", " eq ", " in (", " and ", "not ", "any(", "all(x:", "$count", "/$count(", "$filter=",
          "search=", "$it", "INF", "1e999", "9" * 400, "0x1", "2021-02-30", "24:00", "12:00", "duration'", "a.b'", "concat(", "groupby((", "keep start", "case(",
          "$levels=", "\u0661", "\u212a", "\u017f"]  # fmt: skip


def read(target: str) -> ast.SyntaxTree | None:
    """The request, or None where it is refused; anything but an ODataError escapes."""
    try:
        template, values = normalize(split(target, max_bytes=MAX_BYTES))
        request = parse(template)
    except ODataError as error:
        assert 400 <= error.status < 500 or error.status == 501
        assert error.message and str(error)
        return None
    assert hash(template) == hash(template)
    assert slots(request) == set(range(len(values)))
    return request


def slots(node: object) -> set[int]:
    """Every slot in a tree."""
    if isinstance(node, (ast.Literal, ast.Term)):
        return {node.slot}
    if isinstance(node, tuple):
        return set().union(*map(slots, node))
    if isinstance(node, ast.SyntaxNode):
        return set().union(*[slots(getattr(node, name)) for name in type(node).__dataclass_fields__])
    return set()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_seeds_are_read(seed):
    assert read(seed) is not None


@settings(max_examples=400)
@given(st.text(max_size=80))
@example("Message?$filter='")
def test_any_text_is_answered(text):
    for prefix in ("", "Message?", "Message?$filter=", "Message?$search=", "Message?$apply=", "Message?$expand=a(", "Message?@p="):
        read(prefix + text)


@settings(max_examples=400)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 6), st.sampled_from(PIECES)), min_size=1, max_size=5))
def test_mutated_requests_are_answered(seed, edits):
    for at, cut, piece in edits:
        at %= len(seed)
        seed = seed[:at] + piece + seed[at + cut :]
    read(seed)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_pile_of_pieces_is_answered(pieces):
    for option in ("$filter", "$select", "$expand", "$orderby", "$search", "$compute", "$apply", "@p"):
        read(f"Message?{option}={''.join(pieces)}".replace("&", "%26"))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_request_cut_anywhere_is_answered(seed):
    for end in range(len(seed)):
        read(seed[:end])


LONG = 10_000
HUGE = {
    "parentheses": "$filter=" + "(" * LONG,
    "closed parentheses": "$filter=" + "(" * (LONG // 2) + "a" + ")" * (LONG // 2),
    "quotes": "$filter=" + "'" * (LONG + 1),
    "double quotes": "@p=[" + '"' * LONG,
    "backslashes": '@p=["' + "\\" * LONG,
    "names": "$filter=" + "a" * LONG,
    "dots": "$filter=" + "a." * (LONG // 2),
    "slashes": "$filter=" + "a/" * (LONG // 2) + "a",
    "blanks": "$filter=a" + " " * LONG + "eq 1",
    "blanks and brackets": "$filter=" + " )" * (LONG // 2),
    "nots": "$filter=" + "not " * (LONG // 4) + "a",
    "minus signs": "$filter=" + "-" * LONG + "a",
    "digits": "$filter=" + "1" * LONG,
    "digits in a date": "$filter=" + "1" * LONG + "-01-01",
    "guid digits": "$filter=" + "12345678-" * (LONG // 9),
    "ors": "$filter=" + " or ".join(["a eq 1"] * (LONG // 10)),
    "ands": "$filter=" + " and ".join(["a"] * (LONG // 6)),
    "sums": "$filter=" + " add ".join(["a"] * (LONG // 6)),
    "list": "$filter=a in (" + ",".join(["1"] * (LONG // 2)) + ")",
    "list with null": "$filter=a in (" + ",".join(["1"] * (LONG // 2)) + ",null)",
    "open lists": "$filter=" + "a in (1," * (LONG // 8),
    "lambdas": "$filter=" + "a/any(x:" * (LONG // 8),
    "arrays": "@p=" + "[" * LONG,
    "objects": "@p=" + '{"a":' * (LONG // 5),
    "cases": "$filter=" + "case(a:" * (LONG // 7),
    "expands": "$expand=" + "a($expand=" * (LONG // 10),
    "expanded items": "$expand=" + ",".join(["a"] * (LONG // 2)),
    "selected items": "$select=" + ",".join(["a"] * (LONG // 2)),
    "search words": "$search=" + "a " * (LONG // 2) + "b",
    "search negations": "$search=" + "NOT " * (LONG // 4) + "a",
    "search parentheses": "$search=" + "(" * LONG,
    "searches in a list": "$expand=" + "a($search=x;" * (LONG // 12),
    "transformations": "$apply=" + "/".join(["identity"] * (LONG // 9)),
    "nested transformations": "$apply=" + "concat(" * (LONG // 7),
    "options": "&".join(f"@p{number}=1" for number in range(LONG // 9)),
    "ampersands": "&" * LONG,
    "geometry": "$filter=geometry'SRID=0;" + "GeometryCollection(" * (LONG // 19) + "'",
    "points": "$filter=geometry'SRID=0;MultiPoint(" + "(1 1)," * (LONG // 6) + "'",
    "lines": "$filter=geometry'SRID=0;LineString(" + "1 1," * (LONG // 4) + "'",
    "base64": "$filter=binary'" + "A" * LONG + "*'",
    "duration": "$filter=duration'P" + "1" * LONG + "'",
    "enumeration": "$filter=A.B'" + "a," * (LONG // 2) + "'",
    "escapes": "$filter='" + "%41" * (LONG // 3) + "'",
    "pluses": "$filter='" + "T00:00" * (LONG // 6) + "+'",
    "unknown option": "$" + "a" * LONG + "=1",
    "unknown transformation": "$apply=" + "a" * LONG + "(1)",
    "unknown method": "$apply=aggregate(a with " + "s" * LONG + " as x)",
    "format": "$format=" + "a" * LONG + "/",
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
def test_ten_thousand_bytes_take_no_time(name):
    for target in ("Message?" + HUGE[name], "Message/$filter(" + HUGE[name].partition("=")[2]):
        started = time.process_time()
        read(target[:MAX_BYTES])
        assert time.process_time() - started < 1.0  # at most 0.1 s of processor time when measured


@pytest.mark.parametrize(
    "path",
    ["a/" * 5000, "/" * 9000, "$filter(" * 1000, "a/$filter(" * 900, "a(1)" * 2000, "a(1)/" * 1900, "a" + "(1)" * 3000, "%2F" * 3000],
)
def test_long_paths_take_no_time(path):
    started = time.process_time()
    read(path)
    assert time.process_time() - started < 1.0


def test_random_bytes_are_answered():
    chance = random.Random(4)
    for _ in range(2000):
        raw = chance.randbytes(chance.randrange(60)).decode("latin-1")
        read(raw)
        read("Message?$filter=" + raw)
        read("Message?$filter=" + "".join(f"%{ord(char):02X}" for char in raw))
