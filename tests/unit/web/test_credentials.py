"""Where a token may stand, and which of several counts."""

from base64 import b64encode

import pytest
from odata_gateway.errors import AuthInvalid, AuthMissing
from odata_gateway.web.credentials import access_token, secrets_of


def basic(text):
    return {"authorization": "Basic " + b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({}, "", None),
        ({}, "$top=1&apikey=", None),
        ({}, "apikey=K", "K"),
        ({}, "$top=1&apikey=K&apikey=L", "K"),
        ({}, "apikey=&apikey=L", "L"),
        ({}, "api%6Bey=K%2B%2F1", "K+/1"),
        ({}, "apikey=a+b", "a+b"),
        ({}, "Apikey=K", None),
        ({"authorization": "Bearer T"}, "", "T"),
        ({"authorization": "bearer   T "}, "apikey=K", "T"),
        ({"apikey": "H"}, "apikey=K", "H"),
        ({"authorization": "Negotiate xyz"}, "apikey=K", "K"),
        (basic("user:T"), "apikey=K", "T"),
        (basic(":T:x"), "", "T:x"),
        (basic("T:"), "", "T"),
        (basic("T"), "", "T"),
    ],
)
def test_token_is_found(headers, query, expected):
    assert access_token(headers, query, basic=True) == expected


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer"])
def test_empty_bearer_is_the_probe_of_power_query(header):
    with pytest.raises(AuthMissing):
        access_token({"authorization": header}, "apikey=K", basic=True)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": "Negotiate xyz"}, ""),
        ({"authorization": "Basic !!!"}, ""),
        ({"authorization": "Basic /w=="}, ""),
        ({"authorization": "Bearer a\x00b"}, ""),
        ({}, "apikey=%00"),
        ({}, "apikey=" + "x" * 16_385),
    ],
)
def test_credentials_that_are_no_token_are_refused(headers, query):
    with pytest.raises(AuthInvalid):
        access_token(headers, query, basic=True)


def test_basic_can_be_switched_off():
    with pytest.raises(AuthInvalid):
        access_token(basic("u:T"), "", basic=False)


def test_every_spelling_of_a_token_is_known_for_blotting_out():
    assert set(secrets_of({}, "apikey=a%2Bb")) == {"a%2Bb", "a+b"}
    assert "T" in secrets_of(basic("u:T"), "")
