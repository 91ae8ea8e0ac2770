"""The format of an answer, from $format and Accept: checklist section C, and the headers of CLIENTS.md."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odata_gateway.errors import ODataError, UrlFormat, UrlOption
from odata_gateway.formats.registry import FORMATS
from odata_gateway.protocol.headers.format import negotiate, negotiate_metadata
from odata_gateway.protocol.headers.preferences import preferences
from odata_gateway.protocol.json_format import JsonFormat

POWER_QUERY = (
    "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,"
    "application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def ask(accept=None, version=None, option=None):
    headers = {"accept": accept, "odata-maxversion": version}
    return negotiate({name: value for name, value in headers.items() if value is not None}, option, FORMATS[:1]).form


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
        ("application/json;ExponentialDecimals=true", JsonFormat()),
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
    assert form.content_type == text
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
    assert negotiate_metadata({k: v for k, v in headers.items() if v is not None}, option)[0] == expected


def test_metadata_refuses_other_formats():
    with pytest.raises(UrlFormat):
        negotiate_metadata({}, "atom")
    with pytest.raises(UrlOption):
        negotiate_metadata({}, "nonsense")


@given(st.text(st.sampled_from(list('application/json;*,q=0.1 "\\odta.met')), max_size=40))
def test_any_header_is_answered_or_refused(text):
    try:
        negotiate({"accept": text}, None, FORMATS)
        preferences({"prefer": text})
        negotiate({}, text, FORMATS)
    except ODataError as error:
        assert error.status in (400, 406)
