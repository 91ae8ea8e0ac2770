"""Literals of every type as values, and what is none."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odata_gateway.errors import BindValue, ODataError, UrlEncoding, UrlLiteral, UrlSyntax
from odata_gateway.types.calendar import Instant, Span
from odata_gateway.url.literals import LiteralValue
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split

DAY = 86_400_000_000


def literal(text: str) -> LiteralValue:
    """The only value of a filter that is one literal."""
    template, values = normalize(split("Message?$filter=" + text, max_bytes=100_000, strict=True), strict=True)
    parse(template)
    (value,) = values
    return value


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("0", "int32", 0), ("-5", "int32", -5), ("%2B5", "int32", 5), ("007", "int32", 7), ("2147483647", "int32", 2147483647),
        ("-2147483647", "int32", -2147483647), ("-2147483648", "int64", -2147483648), ("2147483648", "int64", 2147483648), ("-9223372036854775808", "int64", -(2**63)),
        ("9223372036854775808", "decimal", Decimal(2**63)), ("1.50", "decimal", Decimal("1.50")), ("-0.1", "decimal", Decimal("-0.1")),
        ("1e3", "double", 1000.0), ("1.5E-3", "double", 0.0015), ("%2B0.314e%2B1", "double", 3.14), ("INF", "double", float("inf")),
        ("-INF", "double", float("-inf")), ("5L", "int64", 5), ("5M", "decimal", Decimal(5)), ("5.5m", "decimal", Decimal("5.5")),
        ("5d", "double", 5.0), ("2.5f", "double", 2.5),
    ],
)  # fmt: skip
def test_numbers(text, kind, expected):
    value = literal(text)
    assert (value.kind, value.value, type(value.value)) == (kind, expected, type(expected))


def test_nan():
    value = literal("NaN").value
    assert isinstance(value, float) and isnan(value)


@pytest.mark.parametrize("text", [".1", "42.", "0x1", "1e", "1.e5", "1_000", "1,5", "٣", "5LL", "5x", "1.5L", "12abc", "INFx eq 1 2"])
def test_what_looks_like_a_number_and_is_none(text):
    with pytest.raises(ODataError) as caught:
        literal(text)
    assert caught.value.status == 400
    assert caught.value.code.startswith("Url.")


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" * 5000, "9223372036854775808L"])
def test_numbers_no_type_holds(text):
    with pytest.raises((BindValue, UrlLiteral)):
        literal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("''", ""), ("'a'", "a"), ("'O''Neil'", "O'Neil"), ("''''", "'"), ("%27O'%27Neil'", "O'Neil"), ("'a;b,c)d'", "a;b,c)d"), ("'%22'",
     '"'),
     ("'2021-11-23T00:00:00'", "2021-11-23T00:00:00"), ("'PT1H'", "PT1H"), ("'x''; DROP TABLE t--'", "x'; DROP TABLE t--"), ("'%0A\\'",
     "\n\\")],
)  # fmt: skip
def test_strings(text, expected):
    assert literal(text)[:2] == ("string", expected)


@pytest.mark.parametrize("text", ["'", "'a", "'a''", "'O'Neil'", '"a"', "'a'b", "a'b'"])
def test_strings_that_are_not_closed_or_not_quoted_right(text):
    with pytest.raises(UrlSyntax):
        literal(text)


@pytest.mark.parametrize(
    ("text", "days"),
    [("1970-01-01", 0), ("2021-11-23", 18954), ("0001-01-01", -719162), ("0000-01-01", -719528), ("-0001-12-31", -719529), ("9999-12-31",
     2932896),
     ("10000-01-01", 2932897), ("2000-02-29", 11016), ("0000-02-29", -719469)],
)  # fmt: skip
def test_dates(text, days):
    assert literal(text)[:2] == ("date", days)


@pytest.mark.parametrize("text", ["2021-13-01", "2021-00-01", "2021-01-00", "2021-01-32", "2021-1-1", "02021-01-01", "21-01-01"])
def test_dates_outside_the_grammar(text):
    with pytest.raises((UrlLiteral, UrlSyntax)):
        literal(text)


@pytest.mark.parametrize("text", ["2021-02-29", "2021-02-30", "2021-04-31", "1900-02-29"])
def test_days_no_calendar_has_are_bad_values(text):
    with pytest.raises(BindValue):
        literal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00Z", Instant(0)),
        ("1970-01-01t00:00:01z", Instant(1_000_000)),
        ("1970-01-01T00:00:00.123456Z", Instant(123_456)),
        ("1970-01-01T00:00:00.123456000Z", Instant(123_456)),
        ("1970-01-01T00:00:00.1234567Z", Instant(123_456, finer=True)),
        ("1969-12-31T23:59:59.9999999Z", Instant(-1, finer=True)),
        ("1970-01-01T02:00:00%2B02:00", Instant(0, False, 120)),
        ("1970-01-01T02:00:00+02:00", Instant(0, False, 120)),
        ("1969-12-31T22:30:00-01:30", Instant(0, False, -90)),
        ("1972-06-30T23:59:60Z", Instant(912 * DAY)),
        ("0000-01-01T00:00Z", Instant(-719528 * DAY)),
        ("10000-01-01T00:00:00Z", Instant(2932897 * DAY)),
    ],
)
def test_instants(text, expected):
    assert literal(text)[:2] == ("datetime", expected)


def test_years_have_no_limit():
    value = literal("-10000-04-01T00:00Z").value
    assert isinstance(value, Instant) and value.micros < -377_000_000_000_000_000


@given(st.datetimes(min_value=dt.datetime(1, 1, 1)))
def test_instants_agree_with_the_calendar(moment):
    value = literal(moment.isoformat(timespec="microseconds") + "Z").value
    assert value == Instant((moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1))


@pytest.mark.parametrize(
    "text",
    ["2021-13-01T00:00:00Z", "2021-11-23T24:00Z", "2021-11-23T24:00:00Z", "2021-11-23T23:60Z", "2021-11-23T00:00:61Z", "2021-11-23T0:00Z",
     "2021-11-23T00:00:00%2B24:00", "2021-11-23T00:00:00%2B0200", "2021-11-23T00Z", "2021-11-23T00:00:00.Z",
     "2021-11-23T00:00:00.1234567890123Z",
     "2021-11-32T00:00Z"],
)  # fmt: skip
def test_impossible_instants(text):
    with pytest.raises(UrlLiteral) as caught:
        literal(text)
    assert (caught.value.target, caught.value.at) == ("$filter", 0)


def test_an_instant_needs_its_offset_and_the_hint_says_so():
    with pytest.raises(UrlSyntax) as caught:
        literal("2021-11-23T00:00:00")
    assert caught.value.hint == "add Z: 2021-11-23T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00", Span(0)),
        ("12:41:26", Span(45_686_000_000)),
        ("23:59:59.9999999", Span(86_399_999_999, finer=True)),
        ("12%3A41", Span(45_660_000_000)),
    ],
)
def test_times_of_day(text, expected):
    assert literal(text)[:2] == ("time", expected)


@pytest.mark.parametrize("text", ["24:00:00", "12:60", "12:00:61", "1:00", "12:0"])
def test_impossible_times(text):
    with pytest.raises((UrlLiteral, UrlSyntax)):
        literal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("duration'P1D'", Span(DAY)), ("DURATION'PT1H30M'", Span(5_400_000_000)), ("duration'-PT0.5S'", Span(-500_000)),
        ("duration'P1DT2H3M4.123456S'", Span(DAY + 7_384_123_456)), ("duration'PT0.0000001S'", Span(0, finer=True)),
        ("duration'-PT0.0000001S'", Span(-1, finer=True)), ("duration'pt1s'", Span(1_000_000)),
    ],
)  # fmt: skip
def test_durations(text, expected):
    assert literal(text)[:2] == ("duration", expected)


@pytest.mark.parametrize("content", ["P1Y", "P1M", "+P1D", "1D", "PT1D", "P1H", "PT.5S", "PT1.5H", "", "P" + "1" * 200 + "D"])
def test_what_is_no_duration(content):
    with pytest.raises(UrlLiteral):
        literal(f"duration'{content}'")


def test_guids_are_lower_case():
    assert literal("89F20666-e17d-427c-9283-268ba7870283")[:2] == ("guid", "89f20666-e17d-427c-9283-268ba7870283")
    assert literal("01234567-89ab-cdef-0123-456789abcdef").kind == "guid"
    assert literal("12345678-1234-1234-1234-123456789012").kind == "guid"


@pytest.mark.parametrize(
    ("text", "expected"), [("binary''", b""), ("binary'Zg'", b"f"), ("binary'Zm8='", b"fo"), ("BINARY'_-8'", b"\xff\xef")]
)
def test_binaries(text, expected):
    assert literal(text)[:2] == ("binary", expected)


@pytest.mark.parametrize("content", ["Z", "Zh=", "Zm9=x", "Zg+", "Zg/=", "Zm8==", "é"])
def test_what_is_no_base64url(content):
    with pytest.raises(UrlLiteral):
        literal(f"binary'{content}'")


def test_enumeration_values_keep_their_text():
    assert literal("Sales.Pattern'Solid,Yellow,-42'")[:2] == ("enum", "Sales.Pattern'Solid,Yellow,-42'")


@pytest.mark.parametrize("text", ["X'1a2B'", "Pattern'Yellow'", "Sales.Pattern'a b'", "Sales.Pattern''", "Sales.Pattern'a,'"])
def test_prefixes_that_are_none(text):
    with pytest.raises(UrlSyntax):
        literal(text)


@pytest.mark.parametrize("text", ["datetime'2000-01-01T00:00:00'", "guid'89f20666-e17d-427c-9283-268ba7870283'"])
def test_prefixes_of_earlier_versions_are_explained(text):
    with pytest.raises(UrlSyntax, match="OData 4 writes"):
        literal(text)


@pytest.mark.parametrize(
    "text",
    ["SRID=0;Point(142.1 64.1)", "SRID=0;Point(1 2 3 4)", "SRID=4326;LineString(1 1,2 2)", "SRID=0;MultiPoint()",
     "SRID=0;MultiPoint((1 1),(2 2))",
     "SRID=0;GeometryCollection(Point(1 1),GeometryCollection(LineString(1 1,2 2)))", "SRID=0;Polygon((1 1,2 2,3 3,1 1))",
     "srid=0;point(-1.5e3 INF)"],
)  # fmt: skip
def test_shapes(text):
    assert literal(f"geography'{text}'")[:2] == ("geography", text)
    assert literal(f"geometry'{text}'")[:2] == ("geometry", text)


@pytest.mark.parametrize(
    "text",
    ["Point(1 1)", "SRID=0;Point(1)", "SRID=0;Point(1 1", "SRID=0;LineString(1 1)", "SRID=123456;Point(1 1)", "SRID=0;*", "", "SRID=0;"],
)
def test_what_is_no_shape(text):
    with pytest.raises(UrlLiteral):
        literal(f"geography'{text}'")


def test_json_strings():
    _, values = normalize(split('Message?@a=["a\\u0041","\\uD83D\\uDE00\\n"]', max_bytes=1000))
    assert values[0].value == ("aA", "\U0001f600\n")


@pytest.mark.parametrize("text", ['"\\uD800"', '"a\\u0000b"'])
def test_json_escapes_make_no_lone_surrogate_and_no_nul(text):
    with pytest.raises(UrlEncoding):
        normalize(split(f"Message?@a=[{text}]", max_bytes=1000))


def test_a_bad_json_escape_is_a_syntax_error():
    with pytest.raises(UrlSyntax):
        normalize(split('Message?@a=["\\q"]', max_bytes=1000))
