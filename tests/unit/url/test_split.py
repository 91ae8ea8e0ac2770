"""The target is cut while encoded, and decoded once."""

from __future__ import annotations

import pytest
from odata_gateway.errors import LimitUrl, ODataError, UrlEncoding, UrlSyntax
from odata_gateway.url.split import QueryOption, Target, split


def cut(target: str) -> Target:
    return split(target, max_bytes=1000)


def value(query: str) -> str | None:
    return cut("Message?" + query).options[0].value


@pytest.mark.parametrize("target", ["", "/", "?", "/?", "?&", "&"[:0]])
def test_the_root_has_no_segments(target):
    assert cut(target) == Target((), ())


def test_slashes_at_both_ends_make_no_segment():
    assert cut("/Message/?$top=5").segments == ("Message",)


def test_an_encoded_slash_is_text():
    assert cut("Label('a%2Fb')/title").segments == ("Label('a/b')", "title")


def test_parentheses_may_be_encoded():
    assert cut("Message%281%29").segments == ("Message(1)",)


def test_the_query_is_cut_before_it_is_decoded():
    options = cut("Message?%24filter=content%20eq%20'a%26b%3Dc'&apikey=K").options
    assert [(option.name, option.value) for option in options] == [("$filter", "content eq 'a&b=c'"), ("apikey", "K")]


def test_only_the_first_equals_sign_ends_the_name():
    assert cut("Message?@p=a=b").options[0] == QueryOption("@p", "a=b", "@p=a=b", 8)


def test_a_name_without_equals_sign_has_no_value():
    assert cut("Message?$count&x=").options == (QueryOption("$count", None, "$count", 8), QueryOption("x", "", "x=", 15))


def test_text_is_decoded_once():
    assert value("$filter=title%20eq%20'100%2525'") == "title eq '100%25'"


def test_a_plus_is_a_blank():
    assert value("$filter=a+eq+1") == "a eq 1"
    assert cut("Message(a+b)").segments == ("Message(a+b)",)


@pytest.mark.parametrize("sent", ["2021-11-23T00:00:00+02:00", "2021-11-23T00:00:00%2B02:00", "2021-11-23T00%3A00%3A00%2B02%3A00"])
def test_a_plus_before_an_offset_is_its_sign(sent):
    assert value(f"$filter=created_at+ge+{sent}") == "created_at ge 2021-11-23T00:00:00+02:00"


@pytest.mark.parametrize("sent", ["2021-11-23T00:00+02:00", "2021-11-23T00:00:00.1234567+02:00"])
def test_the_seconds_before_an_offset_may_be_short_or_long(sent):
    assert value(f"@p={sent}") == sent


def test_characters_beyond_the_basic_plane_are_one_character():
    assert value("$filter=x%20eq%20'%F0%9F%98%80'") == "x eq '\U0001f600'"
    assert value("@p='\U0001f600'") == "'\U0001f600'"


@pytest.mark.parametrize(
    "target",
    ["Message?@p=%", "Message?@p=%2", "Message?@p=%GG", "Message?@p=%FF", "Message?@p=%C0%80", "Message?@p=%ED%A0%80", "Message?@p=%00",
     "Message?@p=\0", "Message?@p=\ud800", "Message%00", "Message\0", "Message\udc80", "Message?%FF=1", "Message?%zz", "M%e9ssage",
     "a%20%"],
)  # fmt: skip
def test_bad_encodings_are_refused(target):
    with pytest.raises(UrlEncoding) as caught:
        cut(target)
    assert caught.value.status == 400
    assert caught.value.target


def test_a_bad_escape_is_located_in_its_option():
    with pytest.raises(UrlEncoding) as caught:
        cut("Message?$top=1&$filter=a%zz")
    assert (caught.value.target, caught.value.at) == ("$filter", 1)


def test_a_fragment_is_no_part_of_metadata():
    assert cut("$metadata?$format=xml#Message(id)") == cut("$metadata?$format=xml")


def test_a_fragment_elsewhere_is_refused_with_a_way_out():
    with pytest.raises(UrlSyntax, match="%23"):
        cut("Message?$search=#1")


def test_the_limit_counts_bytes():
    assert split("a" * 10, max_bytes=10)
    with pytest.raises(LimitUrl):
        split("a" * 11, max_bytes=10)
    with pytest.raises(LimitUrl):
        split("é" * 6, max_bytes=10)
    assert issubclass(LimitUrl, ODataError)


def test_the_access_token_does_not_count_as_part_of_the_url():
    assert split("a?x=1&apikey=" + "k" * 100, max_bytes=10).options[1].value == "k" * 100
    assert len(split("a?api%6Bey=" + "k" * 100 + "&apikey=" + "k" * 100, max_bytes=10).options) == 2
    for target in ("a?x=12345678&apikey=k", "apikey=12345", "a?Apikey=123456", "a?xapikey=1234"):
        with pytest.raises(LimitUrl):
            split(target, max_bytes=10)
