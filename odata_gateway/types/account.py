"""What a column with an account can be: how it is compared with the accounts of a caller.

An account comes from the database as a whole number, or from the claims of a token as a text or a
number. It is sent as what the column's own type compares with, so that indexes serve it. What is
not a value of that type is equal to nothing, as `abc` beside a column of whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import LiteralString
from uuid import UUID

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NOT_STORED = re.compile("[\\0\\ud800-\\udfff]")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class AccountType:
    """A kind of column with an account.

    pg_type   the Postgres type that an account is sent as
    argument  the argument for an account; None where it is not a value of the type
    """

    pg_type: LiteralString
    argument: Callable[[object], object] = field(repr=False)


def _whole_number(account: object) -> int | None:
    if isinstance(account, str) and _WHOLE.fullmatch(account):
        account = int(account)
    if isinstance(account, int) and -(2**63) <= account < 2**63:
        return account
    return None


def _text(account: object) -> str | None:
    text = str(account)
    return None if _NOT_STORED.search(text) else text


def _uuid(account: object) -> UUID | None:
    return UUID(account) if isinstance(account, str) and _UUID.fullmatch(account) else None


WHOLE_ACCOUNT = AccountType("int8", _whole_number)
_TEXT_ACCOUNT = AccountType("text", _text)
ACCOUNT_TYPES: Mapping[str, AccountType] = {
    **dict.fromkeys(("int2", "int4", "int8"), WHOLE_ACCOUNT),
    **dict.fromkeys(("text", "varchar"), _TEXT_ACCOUNT),
    "bpchar": AccountType("bpchar", _text),
    "uuid": AccountType("uuid", _uuid),
}
"""How columns are compared with accounts, by Postgres's short names of their types."""
