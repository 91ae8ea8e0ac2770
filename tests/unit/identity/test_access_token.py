"""What cannot be a token never reaches the database."""

import pytest
from odata_gateway.errors import AuthInvalid
from odata_gateway.identity.access_token import MAX_TOKEN_BYTES, check_token


@pytest.mark.parametrize("token", ["a", "' OR true --", "%", "日本", "x" * MAX_TOKEN_BYTES, "é" * (MAX_TOKEN_BYTES // 2), "two words"])
def test_printable_texts_may_be_tokens(token):
    check_token(token)


@pytest.mark.parametrize("token", ["", "nul\0", "a\nb", "a\tb", "lone \ud800 surrogate", "\x7f", "\u2028", "\ud800" * 5000])
def test_others_may_not(token):
    with pytest.raises(AuthInvalid, match="malformed"):
        check_token(token)


@pytest.mark.parametrize("token", ["x" * (MAX_TOKEN_BYTES + 1), "é" * (MAX_TOKEN_BYTES // 2) + "x", "日" * 5462, "x" * 100_000])
def test_tokens_have_at_most_16_kilobytes(token):
    with pytest.raises(AuthInvalid, match="at most 16384 bytes"):
        check_token(token)
