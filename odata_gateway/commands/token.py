"""`odata-gateway token`: make an access token, add its entry to ODATA_TOKENS_FILE, and show the
token once."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from odata_gateway.config.setting import SettingsError
from odata_gateway.config.settings import Settings
from odata_gateway.identity.token_file import new_token, parse_token_file
from odata_gateway.identity.way_in import WayInError


def add_token_arguments(parser: argparse.ArgumentParser) -> None:
    """What the entry says."""
    parser.add_argument("--name", help="the token's name in logs (the role, or `token`)")
    parser.add_argument("--role", help="the Postgres role that its statements run as")
    parser.add_argument(
        "--claims", help='a JSON object for request.jwt.claims, such as {"tenant": 7}'
    )
    parser.add_argument("--days", type=int, help="in how many days it expires (never)")


def run_token(settings: Settings, options: argparse.Namespace) -> int:
    """0, with the token on standard output, and its entry too where no file is named.

    raises  SettingsError for what an entry cannot say, or a file that has mistakes; OSError
    """
    if options.days is not None and options.days < 1:
        raise SettingsError((f"--days must be 1 or more, not {options.days}",))
    name = options.name or options.role or "token"
    try:
        made = new_token(name, options.role, _claims(options.claims), days=options.days)
    except (ValueError, OverflowError) as error:
        raise SettingsError((f"the entry cannot be made: {error}",)) from None
    path = settings.tokens_file
    if path is None:
        print(f"token: {made.token}\n\nThe entry for ODATA_TOKENS_FILE:\n\n{made.entry}", end="")
        return 0
    _append(path, made.entry, settings.accounts_claim)
    print(made.token)
    hint = f"'{name}' is in {path}; the token is shown this once. Send SIGHUP to a running gateway"
    print(hint, file=sys.stderr)
    return 0


def _claims(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        claims = json.loads(text)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise SettingsError(("--claims must be a JSON object",))
    return claims


def _append(path: Path, entry: str, accounts: str) -> None:
    """Add an entry to a file, which is made where there is none, if the file is right with it."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    added = f"\n{entry}" if before else entry
    try:
        parse_token_file(before + added, path, accounts)
    except WayInError as error:
        raise SettingsError(error.mistakes) from None
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(added)
