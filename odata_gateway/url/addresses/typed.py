"""An address as people read and write it: blanks and letters stand for themselves."""

from __future__ import annotations

from urllib.parse import quote, unquote

from odata_gateway.url.addresses.address import SAFE, Address, AddressOption, address_of

_ESCAPES = str.maketrans({"%": "%25", "&": "%26", "#": "%23", "+": "%2B"})


def typed(address: Address) -> str:
    """The text of an address; `from_typed` reads it back."""
    path = unquote(address.path).replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    query = "&".join(map(_typed_option, address.options))
    return f"{path}?{query}" if query else path


def from_typed(text: str) -> Address:
    """The address that a person wrote, whose escapes stay as they are."""
    return address_of(quote(text.strip().lstrip("/"), safe=f"{SAFE}?&=%+#"))


def _typed_option(option: AddressOption) -> str:
    value = option.value.translate(_ESCAPES)
    return f"{option.name}={value}" if "=" in option.raw else option.name
