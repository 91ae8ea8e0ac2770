"""The version of an answer, from OData-MaxVersion and OData-Version: checklist section B."""

import pytest
from odata_gateway.errors import UrlHeader
from odata_gateway.protocol.headers.version import check_body, version, version_of_error


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
        ("06.28", "4.01"),
        ("004.0", "4.0"),
        ("0004.00", "4.0"),
        ("04.010", "4.01"),
        ("0000000000004.0000000000000", "4.0"),
        (" 4.0 , 4.0", "4.0"),
    ],
)
def test_version_is_the_greatest_both_sides_speak(text, expected):
    assert version({} if text is None else {"odata-maxversion": text}) == expected


@pytest.mark.parametrize(
    "text", ["four", "", "3.0", "-4", "4.0;", "4.0, 4.01", "4,01", "4.", ".4", "03.99", "+4.0", "4.0.1", "4 .0", "٤.٠", "1e9", "9" * 400]
)
def test_version_that_cannot_be_served_is_400(text):
    with pytest.raises(UrlHeader) as caught:
        version({"odata-maxversion": text})
    assert caught.value.status == 400


def test_an_error_has_a_version_whatever_the_client_sent():
    assert version_of_error({"odata-maxversion": "four"}) == "4.0"
    assert version_of_error({"odata-maxversion": "4.01"}) == "4.01"


@pytest.mark.parametrize("text", [None, "4.0", " 4.01 ", "04.0", "4.00", "004.0100"])
def test_bodies_of_known_versions_are_read(text):
    check_body({} if text is None else {"odata-version": text})


@pytest.mark.parametrize("text", ["3.0", "4", "", "4.0;", "x" * 100, "06.28", "4.", "4.10", "4.001", "9." + "9" * 400])
def test_bodies_of_other_versions_are_refused(text):
    with pytest.raises(UrlHeader) as caught:
        check_body({"odata-version": text})
    assert caught.value.target == "OData-Version"
