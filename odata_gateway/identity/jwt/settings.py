"""Where the keys come from that sign tokens, and what the claims of a token must say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """The settings of this folder; each is the setting ODATA_JWT_... of the same name.

    secret      a text of 32 bytes or more for HS256, or a JWK or JWK set as JSON
    jwks        the path or URL of a JWK set
    issuer      what `iss` must be; a URL is also the place of a discovery document
    audience    of which `aud` must have one; empty: `aud` is not compared
    algorithms  with which tokens may be signed
    role        the path of the claim with the role; empty: tokens give no role
    anon_role   the role of a token without that claim; empty: it is refused
    accounts    the path of the claim with the accounts for the model's row policies; empty: there
                are none
    leeway_s    by how much clocks may differ
    refresh_s   the time between two readings of a key set
    allow_http  also read key sets and discovery documents over HTTP without TLS
    """

    secret: str = ""
    jwks: str = ""
    issuer: str = ""
    audience: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ("HS256", "RS256", "ES256", "EdDSA")
    role: str = "role"
    anon_role: str = ""
    accounts: str = ""
    leeway_s: float = 30.0
    refresh_s: float = 300.0
    allow_http: bool = False

    @property
    def is_used(self) -> bool:
        return bool(self.secret or self.jwks or self.issuer)

    @property
    def discovers(self) -> bool:
        """Whether the issuer is a URL, and so has a discovery document."""
        return self.issuer.startswith(("https://", "http://"))
