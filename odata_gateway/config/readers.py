"""The text of a setting to its value. A reader raises ValueError with what it expects, to be read
after "must be": "a whole number from 1 to 64"."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

_ZONE_NAME = re.compile(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+)*")
Network = IPv4Network | IPv6Network
SettingReader = Callable[[str], Any]

JWT_ALGORITHMS = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)


def whole_number(least: int, most: int) -> SettingReader:
    """A reader of whole numbers in ASCII digits, from `least` to `most`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def seconds(least: float, most: float) -> SettingReader:
    """A reader of seconds with or without a fraction, from `least` to `most`."""

    def read(text: str) -> float:
        expected = f"seconds from {least:g} to {most:g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueError(expected) from None
        if not least <= value <= most:
            raise ValueError(expected)
        return value

    return read


def one_of(*words: str) -> SettingReader:
    """A reader of one of some lower-case words, written in any case."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError("one of " + ", ".join(word or "(empty)" for word in words))
        return text.lower()

    return read


def one_of_exactly(*words: str) -> SettingReader:
    """A reader of one of some words; the result is in the case of the word."""

    def read(text: str) -> str:
        found = [word for word in words if word.lower() == text.lower()]
        if not found:
            raise ValueError("of " + ", ".join(words))
        return found[0]

    return read


def each(read_one: SettingReader) -> SettingReader:
    """A reader of a list separated by commas; `none` is the empty list."""

    def read(text: str) -> tuple[Any, ...]:
        if text.lower() == "none":
            return ()
        return tuple(read_one(part.strip()) for part in text.split(",") if part.strip())

    return read


def time_zone(text: str) -> str:
    """The name of a time zone; only its form is looked at where Python knows no zones."""
    known = available_timezones()
    if text and not (text in known if known else _ZONE_NAME.fullmatch(text)):
        raise ValueError("the name of a time zone, such as Europe/Berlin")
    return text


def schema_name(text: str) -> str:
    """The name of a schema as SQL has it: in lower case, or as it stands between double quotes."""
    if text.startswith('"') and text.endswith('"') and len(text) > 2:
        return text[1:-1].replace('""', '"')
    if '"' in text or "\0" in text:
        raise ValueError("the name of a schema")
    return text.lower()


_SWITCHES = {"true": True, "1": True, "yes": True, "on": True}
_SWITCHES |= {"false": False, "0": False, "no": False, "off": False}


def switch(text: str) -> bool:
    """A truth value."""
    if text.lower() not in _SWITCHES:
        raise ValueError("true or false")
    return _SWITCHES[text.lower()]


def switch_or_auto(text: str) -> str:
    """`auto`, or a truth value as `true` or `false`."""
    if text.lower() == "auto":
        return "auto"
    try:
        return "true" if switch(text) else "false"
    except ValueError:
        raise ValueError("auto, true or false") from None


port_number = whole_number(1, 65535)


def network(text: str) -> Network:
    """An address or a network; bits beyond the prefix are ignored."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError("addresses or networks such as 10.0.0.0/8, separated by commas") from None


def dsn_url(text: str) -> str:
    """A DSN in the form of a URL, or nothing."""
    if text and not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("a URL that begins with postgresql://")
    return text


def absolute_url(text: str) -> str:
    """An absolute URL without the slash at its end, or nothing."""
    parts = urlsplit(text)
    is_absolute = parts.scheme in ("http", "https") and parts.netloc
    if text and (not is_absolute or parts.query or parts.fragment):
        raise ValueError("an absolute http or https URL without query")
    return text.rstrip("/")


def place(text: str) -> str:
    """The path of a file that exists, or an absolute URL, or nothing."""
    if "://" not in text:
        return text and str(existing_file(text))
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the path of a file that exists, or a http or https URL")
    return text


def signing_secret(text: str) -> str:
    """A text that is long enough for HMAC with SHA-256 (RFC 7518, section 3.2), keys as JSON, or
    nothing."""
    is_short = len(text.encode("utf-8", "surrogateescape")) < 32
    if text and (text.startswith("-----BEGIN") or (is_short and not text.startswith("{"))):
        raise ValueError(
            "a text of at least 32 bytes, or a JWK or JWK set as JSON; a public key belongs into"
            " the file of ODATA_JWT_JWKS, as a JWK"
        )
    return text


_NAME = r'(?:"[^"]+"|[^."\[\]\s]+)(?:\[[0-9]{1,4}\])*'
_PATH = re.compile(rf"\.?{_NAME}(?:\.{_NAME})*")


def claim_path(text: str) -> str:
    """The path of a claim of tokens, or nothing; `none` is nothing too."""
    if text.lower() == "none":
        return ""
    if text and not (_PATH.fullmatch(text) or "://" in text):
        raise ValueError('names with dots between them, such as app_metadata."my.role"[0]')
    return text


def browser_origin(text: str) -> str:
    """An origin of the Fetch Standard, or `*`."""
    if text != "*" and "://" not in text:
        raise ValueError("* or origins such as https://dash.example.com, separated by commas")
    return text.rstrip("/")


def host_name(text: str) -> str:
    """A host name without a port."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", text):
        raise ValueError("host names such as odata.example.com, separated by commas")
    return text.lower()


def existing_file(text: str) -> Path | None:
    """The path of a file, or None for nothing."""
    if not text:
        return None
    if not Path(text).is_file():
        raise ValueError("the path of a file that exists")
    return Path(text)


AUTO = Path("auto")
"""Stands for the model that is made from the database's catalog."""


def model_file(text: str) -> Path | None:
    """The path of a model's file, AUTO, or None for nothing."""
    if text.lower() == "auto":
        return AUTO
    try:
        return existing_file(text)
    except ValueError as expected:
        raise ValueError(f"{expected}, or auto") from None


def file_path(text: str) -> Path | None:
    """The path of a file that may not exist yet, or None for nothing."""
    return Path(text) if text else None


def role_name(text: str) -> str:
    """The name of a Postgres role, or nothing."""
    if len(text.encode()) > 63 or not text.isprintable() or text == "none":
        raise ValueError("the name of a role")
    return text


def secret_in_file(variable: str, path: str) -> str:
    """The text of the file that a secret's variable names, without blanks around it.

    raises  ValueError when it cannot be read; the message does not repeat the path
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{variable}_FILE cannot be read: {error.__class__.__name__}") from None
