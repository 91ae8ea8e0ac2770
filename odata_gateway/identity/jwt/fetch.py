"""A JSON document over HTTP, with limits on its size and time.

TLS is needed, except on the same machine or where the settings allow less: whoever can change a key
set on its way can sign tokens. A redirect is followed only where its target could have been asked
directly.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from odata_gateway.identity.jwt.strict_json import JsonFault, read_object

TIMEOUT_S = 5.0
MOST_BYTES = 512 * 1024
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class FetchFault(Exception):
    """A document cannot be had; the message ends the sentence "it ..."."""


def may_fetch(url: str, *, allow_http: bool) -> bool:
    """Whether a URL has TLS, leads to this machine, or need not have TLS."""
    parts = urlsplit(url)
    is_allowed = allow_http or _is_loopback(parts.hostname or "")
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_allowed)
    )


async def fetch_object(url: str, *, allow_http: bool) -> dict[str, Any]:
    """The JSON object at a URL.

    raises  FetchFault within TIMEOUT_S
    """
    # A proxy of the environment is for the way out, and not for this machine.
    through_proxy = not _is_loopback(urlsplit(url).hostname or "")
    timeout = ClientTimeout(total=TIMEOUT_S)
    try:
        async with ClientSession(timeout=timeout, trust_env=through_proxy) as session:
            return read_object(await _read(session, url, allow_http=allow_http))
    except JsonFault as fault:
        raise FetchFault(str(fault)) from None
    except TimeoutError:
        raise FetchFault(f"did not answer within {TIMEOUT_S:g} s") from None
    except (ClientError, OSError, ValueError) as error:
        raise FetchFault(f"cannot be reached: {_first_line(error)}") from None


async def _read(session: ClientSession, url: str, *, allow_http: bool) -> bytes:
    for _ in range(_MOST_REDIRECTS + 1):
        if not may_fetch(url, allow_http=allow_http):
            raise FetchFault("must be an https URL")
        headers = {"Accept": "application/json"}
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status in _REDIRECTS and "Location" in response.headers:
                url = urljoin(url, response.headers["Location"])
                continue
            if response.status != 200:
                raise FetchFault(f"answered with the status {response.status}")
            return await _body(response)
    raise FetchFault(f"was redirected more than {_MOST_REDIRECTS} times")


async def _body(response: ClientResponse) -> bytes:
    """The body, whose length counts as it is when it has been decompressed."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > MOST_BYTES:
            raise FetchFault(f"has more than {MOST_BYTES} bytes")
    return bytes(body)


def _first_line(error: Exception) -> str:
    """What went wrong, without the parts of an answer that some errors of aiohttp quote."""
    text = (str(error).splitlines() or [""])[0]
    return f"{error.__class__.__name__}: {text[:200]}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
