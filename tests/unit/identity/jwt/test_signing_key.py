"""Which JWK can sign with which algorithms."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from odata_gateway.config.settings import JWT_ALGORITHMS
from odata_gateway.identity.jwt.key_set import key_set
from odata_gateway.identity.jwt.signing_key import KeyFault, signing_key
from tests.harness.issuer import Key

RSA, EC, ED = (Key("k", name) for name in ("RS256", "ES256", "EdDSA"))
LONG, SHORT = "A" * 86, "AAAA"


def without(jwk, *names, **more):
    return {name: value for name, value in jwk.items() if name not in names} | more


@pytest.mark.parametrize(
    ("jwk", "algorithms"),
    [
        (without(RSA.jwk, "alg"), ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        (RSA.jwk, ("RS256",)),
        (without(RSA.jwk, alg="PS384"), ("PS384",)),
        (without(EC.jwk, "alg", "use", "kid"), ("ES256",)),
        (without(ED.jwk, alg="Ed25519"), ("EdDSA",)),
        (ED.jwk, ("EdDSA",)),
        ({"kty": "oct", "k": LONG}, ("HS256", "HS384", "HS512")),
        ({"kty": "oct", "k": LONG, "alg": "HS256"}, ("HS256",)),
        ({"kty": "oct", "k": "A" * 43}, ("HS256",)),
        (ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True), ("ES384",)),
        (RSA.private_jwk | {"key_ops": ["sign"]}, ("RS256",)),
    ],
)
def test_the_kind_of_a_key_says_which_algorithms_it_has(jwk, algorithms):
    key = signing_key(jwk, JWT_ALGORITHMS)
    assert key.algorithms == algorithms and key.is_shared_secret is (jwk["kty"] == "oct")
    assert LONG not in repr(key)


@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        (without(RSA.jwk, use="enc"), "is not for signatures"),
        (without(RSA.jwk, key_ops=["encrypt"]), "is not for signatures"),
        (without(RSA.jwk, key_ops="verify"), "is not for signatures"),
        (without(RSA.jwk, alg="ES256"), "not allowed here"),
        (without(RSA.jwk, alg="HS256"), "not allowed here"),
        (without(RSA.jwk, alg="RSA-OAEP"), "not allowed here"),
        (without(EC.jwk, "alg", crv="P-384"), "is malformed"),
        (without(EC.jwk, "alg", crv="secp256k1"), "not allowed here"),
        (without(EC.jwk, "x"), "is malformed"),
        (without(RSA.jwk, n="!"), "is malformed"),
        (without(RSA.jwk, n=5), "is malformed"),
        (without(ED.jwk, x="AAAA"), "is malformed"),
        ({"kty": "oct", "k": SHORT}, "is too short"),
        ({"kty": "oct", "k": ""}, "is malformed|is too short"),
        ({"kty": "oct"}, "is malformed"),
        ({"kty": "oct", "k": LONG, "kid": 7}, "not a text"),
        ({"kty": ["oct"]}, "of what kind"),
        ({}, "of what kind"),
        (RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True), "is too short"),
        (OKPAlgorithm.to_jwk(ed448.Ed448PrivateKey.generate().public_key(), as_dict=True), "not allowed here"),
        (
            {"kty": "OKP", "crv": "X25519", "x": x25519.X25519PrivateKey.generate().public_key().public_bytes_raw().hex()},
            "not allowed here",
        ),
    ],
)
def test_a_key_that_cannot_sign_safely_is_left_out_with_a_reason(jwk, reason):
    with pytest.raises(KeyFault, match=reason) as fault:
        signing_key(jwk, JWT_ALGORITHMS)
    assert not any(isinstance(value, str) and len(value) > 20 and value in str(fault.value) for value in jwk.values())


def test_a_set_uses_the_keys_that_it_can_and_says_why_not_the_others():
    found = key_set({"keys": [RSA.jwk, without(EC.jwk, use="enc"), {"kty": "oct", "k": LONG}]}, ("RS256", "ES256", "HS256"), public=True)
    assert [key.algorithms for key in found.keys] == [("RS256",)]
    assert found.unused == ("a key 'k' is not for signatures", "a key is a secret that anybody can read")


def test_a_set_of_very_many_keys_is_refused():
    with pytest.raises(KeyFault, match="at most 200 keys"):
        key_set({"keys": [RSA.jwk] * 201}, ("RS256",), public=True)


def test_the_same_key_is_the_same_after_another_reading_and_another_is_not():
    first, second = (signing_key(dict(reversed(RSA.jwk.items())) if again else RSA.jwk, ("RS256",)) for again in (False, True))
    assert first.digest == second.digest
    assert first.digest != signing_key(RSA.jwk | {"kid": "other"}, ("RS256",)).digest
    assert first.digest != signing_key(Key("k", "RS256").jwk, ("RS256",)).digest
