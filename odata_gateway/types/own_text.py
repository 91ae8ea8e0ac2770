"""Texts of values that columns of Postgres's own types hold where the model has Edm.String.

A literal is compared with such a column as a value of the column's type, so that an index serves.
A text that is no value of the type equals none, and the statement must not fail for it; Postgres
before 16 has no cast that cannot fail. So each text is checked here, and NULL takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_interface, ip_network

_MACADDR = re.compile(r"(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2})")
_MACADDR8 = re.compile(r"(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){6}[0-9A-Fa-f]{2})")
_MONEY = re.compile(r"-?\$\d{1,3}(?:,\d{3})*\.\d\d", re.ASCII)
_BITS = re.compile(r"[01]*")
_OID = re.compile(r"0|[1-9]\d{0,9}", re.ASCII)
_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")
_LEAST_CENTS, _GREATEST_CENTS = -(2**63), 2**63 - 1


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    return lambda text: text if pattern.fullmatch(text) else None


def _inet(text: str) -> str | None:
    """Also `10.0.0.1/32`, and other ways to write an address of version 6; not a netmask."""
    _, slash, bits = text.partition("/")
    if slash and not (bits.isascii() and bits.isdigit() and len(bits) < 4):
        return None
    try:
        return None if "%" in text else str(ip_interface(text))
    except ValueError:
        return None


def _cidr(text: str) -> str | None:
    """A network with its length, which no bit may be set behind."""
    if "/" not in text or _inet(text) is None:
        return None
    try:
        return str(ip_network(text))
    except ValueError:
        return None


def _money(text: str) -> str | None:
    if not _MONEY.fullmatch(text):
        return None
    cents = int(re.sub(r"[$,.]", "", text))
    return text if _LEAST_CENTS < cents <= _GREATEST_CENTS else None


def _oid(text: str) -> str | None:
    return text if _OID.fullmatch(text) and int(text) < 2**32 else None


def _character(text: str) -> str | None:
    """One octet."""
    return text if len(text) < 2 and text.isascii() else None


OWN_TEXTS: Mapping[str, Callable[[str], str | None]] = {
    "label": lambda text: text,  # the statement looks it up among the labels
    "inet": _inet,
    "cidr": _cidr,
    "macaddr": _matching(_MACADDR),
    "macaddr8": _matching(_MACADDR8),
    "money": _money,
    "bits": _matching(_BITS),
    "oid": _oid,
    "lsn": _matching(_LSN),
    "character": _character,
}
"""By the DecodeMode of a literal: the text that Postgres reads as the type, or None."""
