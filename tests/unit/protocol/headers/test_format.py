"""The format, version and preferences of an answer: checklist sections B, C and L, and the headers of CLIENTS.md."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odata_gateway.errors import ODataError, UrlFormat, UrlHeader, UrlOption, UrlPrecondition
from odata_gateway.protocol.headers import format as n
from odata_gateway.protocol.headers.format import JsonFormat

POWER_QUERY = (
    "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,"
    "application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def ask(accept=None, version=None, option=None):
    headers = {"accept": accept, "odata-maxversion": version}
    return n.negotiate({name: value for name, value in headers.items() if value is not None}, option)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JsonFormat()),
        ("", JsonFormat()),
        ("*/*", JsonFormat()),
        ("*", JsonFormat()),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", JsonFormat()),
        ("application/*", JsonFormat()),
        ("application/json", JsonFormat()),
        ("APPLICATION/JSON", JsonFormat()),
        ("application/json; odata.metadata = full", JsonFormat("full")),
        ("application/json;metadata=full", JsonFormat("full")),
        ("application/json;OData.Metadata=NONE", JsonFormat("none")),
        ('application/json;odata.metadata="none"', JsonFormat("none")),
        ("application/json;IEEE754Compatible=true", JsonFormat(ieee754=True)),
        ("application/json;IEEE754Compatible=false", JsonFormat()),
        ("application/json;odata.metadata=minimal;IEEE754Compatible=true", JsonFormat(ieee754=True)),
        ("application/json;odata.streaming=true", JsonFormat(streaming=True)),
        ("application/json;ExponentialDecimals=true", JsonFormat(exponential=True)),
        ("application/json;charset=utf-8", JsonFormat(charset=True)),
        ("application/json;q=0.5;odata.metadata=none", JsonFormat("none")),
        ("application/json;odata.metadata=full;odata.metadata=full", JsonFormat("full")),
        ("application/atom+xml, application/json;q=0.5", JsonFormat()),
        ("application/json;odata.metadata=none;q=0.5, application/json;odata.metadata=full;q=0.9", JsonFormat("full")),
        ("*/*, application/json;odata.metadata=full", JsonFormat("full")),
        ("application/json;q=0.9, */*;q=0.1", JsonFormat()),
        ("application/json;odata=verbose,text/plain, */*; q=0.01", JsonFormat()),
        ("application/json;foo=bar, application/json;odata.metadata=none;q=0.1", JsonFormat("none")),
        ("garbage, application/json", JsonFormat()),
        ('x/y;a="b,c", application/json;odata.metadata=full', JsonFormat("full")),
        ("application/json;q=nonsense", JsonFormat()),
        (POWER_QUERY, JsonFormat()),
        (BROWSER, JsonFormat()),
    ],
)
def test_best_acceptable_member_decides(accept, expected):
    assert ask(accept) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "application/atom+xml",
        "application/xml",
        "application/json;foo=bar",
        "application/json;odata=verbose",
        "application/json;odata.metadata=lots",
        "application/json;odata.metadata=full;metadata=none",
        "application/json;charset=latin1",
        "application/json;q=0",
        "application/json;q=0, */*",
        "application/json;;=",
        "garbage",
        "text/html",
    ],
)
def test_list_without_acceptable_member_is_406(accept):
    with pytest.raises(UrlFormat) as caught:
        ask(accept)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("json", JsonFormat()),
        ("JSON", JsonFormat()),
        ("application/json", JsonFormat()),
        ("application/json;odata.metadata=full", JsonFormat("full")),
        ("application/json;metadata=none;IEEE754Compatible=true", JsonFormat("none", ieee754=True)),
    ],
)
def test_format_option_goes_before_accept(option, expected):
    assert ask("application/xml", option=option) == expected


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ("atom", UrlFormat),
        ("xml", UrlFormat),
        ("text/plain", UrlFormat),
        ("application/json;foo=bar", UrlFormat),
        ("json;odata.metadata=full", UrlOption),
        ("nonsense", UrlOption),
        ("", UrlOption),
        ("*/*", UrlOption),
        ("application/json,text/plain", UrlOption),
    ],
)
def test_format_option_that_cannot_be_served(option, error):
    with pytest.raises(error) as caught:
        ask("application/json", option=option)
    assert caught.value.target == "$format"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "4.0"),
        ("4.0", "4.0"),
        ("4", "4.0"),
        ("4.001", "4.0"),
        ("4.01", "4.01"),
        ("4.1", "4.01"),
        ("5.0", "4.01"),
        (" 4.0 , 4.0", "4.0"),
    ],
)
def test_version_is_the_greatest_both_sides_speak(text, expected):
    assert n.version({} if text is None else {"odata-maxversion": text}) == expected


@pytest.mark.parametrize("text", ["four", "", "3.0", "-4", "4.0;", "4.0, 4.01", "4,01", "٤.٠", "1e9", "9" * 400])
def test_version_that_cannot_be_served_is_400(text):
    with pytest.raises(UrlHeader) as caught:
        n.version({"odata-maxversion": text})
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (JsonFormat(), "application/json;odata.metadata=minimal"),
        (JsonFormat(version="4.01"), "application/json;metadata=minimal"),
        (JsonFormat(ieee754=True), "application/json;odata.metadata=minimal;IEEE754Compatible=true"),
        (JsonFormat("full", streaming=True), "application/json;odata.metadata=full;odata.streaming=true"),
        (JsonFormat("none", "4.01", streaming=True, charset=True), "application/json;metadata=none;streaming=true;charset=utf-8"),
    ],
)
def test_content_type_names_what_was_applied(form, text):
    assert n.content_type(form) == text
    assert ask(text, version=form.version) == form


@pytest.mark.parametrize(
    ("accept", "version", "option", "expected"),
    [
        (None, None, None, "xml"),
        ("*/*", "4.01", None, "xml"),
        (POWER_QUERY, "4.0", None, "xml"),
        ("application/json;odata.metadata=full", None, None, "xml"),
        ("application/json", "4.0", None, "xml"),
        ("application/json", "4.01", None, "json"),
        ("application/json, application/xml;q=0.1", "4.01", None, "xml"),
        ("application/json, application/xml;q=0", "4.01", None, "json"),
        ("text/html", None, None, "xml"),
        ("application/xml", None, "json", "json"),
        ("application/xml", None, "application/json;odata.metadata=full", "json"),
        ("application/json", "4.01", "xml", "xml"),
        ("application/json", "4.01", "application/xml", "xml"),
    ],
)
def test_metadata_is_xml_unless_json_is_asked_for(accept, version, option, expected):
    headers = {"accept": accept, "odata-maxversion": version}
    assert n.negotiate_metadata({k: v for k, v in headers.items() if v is not None}, option)[0] == expected


def test_metadata_refuses_other_formats():
    with pytest.raises(UrlFormat):
        n.negotiate_metadata({}, "atom")
    with pytest.raises(UrlOption):
        n.negotiate_metadata({}, "nonsense")


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
    found = n.preferences({"prefer": prefer})
    assert (found.maxpagesize, found.applied("maxpagesize")) == (size, applied)


def test_preferences_understood_together():
    found = n.preferences(
        {"prefer": 'odata.omit-values=nulls, odata.include-annotations="*", return=minimal, respond-async, odata.track-changes'}
    )
    assert (found.omit_nulls, found.include_annotations, found.minimal, found.respond_async, found.track_changes) == (
        True,
        "*",
        True,
        True,
        True,
    )
    assert found.applied("omit-values", "maxpagesize", "include-annotations") == 'odata.omit-values=nulls, odata.include-annotations="*"'


def test_defaults_cannot_be_omitted():
    assert n.preferences({"prefer": "omit-values=defaults"}).applied("omit-values") is None


def test_isolation():
    assert n.wants_snapshot({"odata-isolation": "snapshot"})
    assert n.wants_snapshot({"isolation": "Snapshot"})
    assert not n.wants_snapshot({})
    with pytest.raises(UrlPrecondition):
        n.wants_snapshot({"isolation": "serializable"})


@pytest.mark.parametrize(
    ("header", "expected"),
    [('"a"', True), ('W/"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False), ("a", False), ("", False)],
)
def test_etags_compare_weakly(header, expected):
    assert n.names_etag(header, 'W/"a"') is expected


@given(st.text(st.sampled_from(list('application/json;*,q=0.1 "\\odta.met')), max_size=40))
def test_any_header_is_answered_or_refused(text):
    try:
        n.negotiate({"accept": text}, None)
        n.preferences({"prefer": text})
        n.negotiate({}, text)
    except ODataError as error:
        assert error.status in (400, 406)
