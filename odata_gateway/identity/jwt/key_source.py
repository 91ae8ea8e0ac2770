"""Where key sets are read from: a secret, a file, a URL, an OpenID issuer."""

from __future__ import annotations

import asyncio
from pathlib import Path

from odata_gateway.identity.jwt.discovery import IssuerDocument, discover, discovery_url
from odata_gateway.identity.jwt.fetch import FetchFault, fetch_object
from odata_gateway.identity.jwt.key_set import KeySet, key_set, secret_key_set
from odata_gateway.identity.jwt.settings import JwtSettings
from odata_gateway.identity.jwt.signing_key import KeyFault
from odata_gateway.identity.jwt.strict_json import JsonFault, read_object


class SourceFault(Exception):
    """A key set cannot be read now; the message says where from and why not."""


class KeySource:
    """Reads the key set that some settings name: the keys of the secret and of the JWK set. Where
    neither is given, the issuer's discovery document says where its keys are.

    document  what the issuer said when it was asked last; None before, and without an issuer
    raises    KeyFault for a secret that cannot be a key
    """

    def __init__(self, settings: JwtSettings) -> None:
        self._settings = settings
        self._secret = _of_secret(settings)
        self.document: IssuerDocument | None = None

    @property
    def changes(self) -> bool:
        """Whether there is anything to read again: a secret is a setting, which stays."""
        return bool(self._settings.jwks) or self._settings.discovers

    @property
    def places(self) -> tuple[str, ...]:
        """The files and URLs that are read."""
        issuer = discovery_url(self._settings.issuer) if self._settings.discovers else ""
        return tuple(place for place in (self._settings.jwks, issuer) if place)

    @property
    def discovers_in_vain(self) -> bool:
        """Whether the issuer's document is only asked for the sign-in page, and was not found."""
        return self._settings.discovers and self.document is None

    async def read(self) -> KeySet:
        """The key set as it is now.

        raises  SourceFault
        """
        keys, jwks = self._secret, self._settings.jwks
        if jwks:
            keys |= await self._jwks(jwks)
        if self._settings.discovers:
            needed = not self._settings.secret and not jwks
            document = await self._discover(needed=needed)
            if needed and document is not None:
                keys |= await self._of_url(document.jwks_uri)
        return keys

    async def _jwks(self, place: str) -> KeySet:
        return await (self._of_url(place) if "://" in place else self._of_file(Path(place)))

    async def _of_file(self, path: Path) -> KeySet:
        try:
            document = read_object(await asyncio.to_thread(path.read_bytes))
            return key_set(document, self._settings.algorithms, public=False)
        except OSError as error:
            raise SourceFault(f"{path} cannot be read: {error.strerror}") from None
        except (JsonFault, KeyFault) as fault:
            raise SourceFault(f"{path}: it {fault}") from None

    async def _of_url(self, url: str) -> KeySet:
        try:
            document = await fetch_object(url, allow_http=self._settings.allow_http)
            return key_set(document, self._settings.algorithms, public=True)
        except (FetchFault, KeyFault) as fault:
            raise SourceFault(f"{url}: it {fault}") from None

    async def _discover(self, *, needed: bool) -> IssuerDocument | None:
        """The issuer's document. One that is not needed for its keys may be missing: it only says
        where people sign in."""
        issuer = self._settings.issuer
        try:
            self.document = await discover(issuer, allow_http=self._settings.allow_http)
        except FetchFault as fault:
            if needed:
                raise SourceFault(f"{discovery_url(issuer)}: it {fault}") from None
        return self.document


def _of_secret(settings: JwtSettings) -> KeySet:
    """The keys of the secret. As PostgREST's `jwt-secret`, it may be a JWK or a JWK set."""
    secret, allowed = settings.secret, settings.algorithms
    if not secret:
        return KeySet()
    if secret.startswith("-----BEGIN"):
        raise KeyFault("cannot be a PEM file; write it as a JWK into the file of ODATA_JWT_JWKS")
    if not secret.startswith("{"):
        keys = secret_key_set(secret, allowed)
    else:
        try:
            keys = key_set(read_object(secret.encode()), allowed, public=False)
        except JsonFault as fault:
            raise KeyFault(f"cannot be read: it {fault}") from None
    if not keys.keys:
        raise KeyFault("is not there: " + "; ".join(keys.unused))
    return keys
