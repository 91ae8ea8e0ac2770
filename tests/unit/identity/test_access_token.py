"""What cannot be a token never reaches the database."""

import pytest
from odata_gateway.identity.access_token import MAX_TOKEN_LENGTH, is_well_formed


@pytest.mark.parametrize("token", ["a", "' OR true --", "%", "日本", "x" * MAX_TOKEN_LENGTH, "two words"])
def test_printable_texts_may_be_tokens(token):
    assert is_well_formed(token)


@pytest.mark.parametrize("token", ["", "x" * (MAX_TOKEN_LENGTH + 1), "nul\0", "a\nb", "a\tb", "lone \ud800 surrogate", "\x7f", "\u2028"])
def test_others_may_not(token):
    assert not is_well_formed(token)
