"""A database as Supabase's and PostgREST's users have it, its model, and who asks it; see tests/data/supabase.sql."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from odata_gateway.identity.token_file import new_token
from tests.harness.cluster import Cluster

_DATA = Path(__file__).parents[1] / "data"
MODEL: Final = _DATA / "supabase.json"
DATABASE: Final = "supabase"
AUTHENTICATOR: Final = "authenticator"
ODD_ROLE: Final = 'Ro\'le "x"\\y'

ADA: Final = "11111111-1111-4111-8111-111111111111"
BOB: Final = "22222222-2222-4222-8222-222222222222"
EVE: Final = "99999999-9999-4999-8999-999999999999"
TENANTS: Final = {ADA: 7, BOB: 7, EVE: 9}


def load(cluster: Cluster) -> None:
    """Make the roles, which a server has once, and the database."""
    cluster.psql("postgres", f"CREATE DATABASE {DATABASE}")
    cluster.psql(DATABASE, (_DATA / "supabase.sql").read_text(encoding="utf-8"))


def dsn(cluster: Cluster, user: str = AUTHENTICATOR) -> str:
    return cluster.dsn(user=user, database=DATABASE)


def claims(user: str, **more: object) -> str:
    """What `request.jwt.claims` is for a user who has logged in at Supabase."""
    return json.dumps({"sub": user, "role": "authenticated", "app_metadata": {"tenant": TENANTS[user]}} | more)


@dataclass(frozen=True)
class Tokens:
    """A file of tokens, and each token by its name."""

    path: Path
    by_name: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.by_name[name]


ENTRIES: Final[Mapping[str, tuple[str | None, dict[str, Any] | None]]] = {
    "ada": ("authenticated", {"sub": ADA, "app_metadata": {"tenant": 7}}),
    "bob": ("authenticated", {"sub": BOB, "app_metadata": {"tenant": 7}}),
    "eve": ("authenticated", {"sub": EVE, "app_metadata": {"tenant": 9}}),
    "reports of seven": ("reporting", {"tenant": 7}),
    "reports of nine": ("analyst", {"tenant": 9}),
    "service": ("service_role", None),
    "nobody": ("authenticated", None),
    "root": ("root", None),
    "stranger": ("stranger", None),
    "ghost": ("no such role", None),
    "odd": (ODD_ROLE, None),
    "own": (None, None),
}
"""The role and the claims of each token."""


def write_tokens(path: Path, entries: Mapping[str, tuple[str | None, dict[str, Any] | None]] = ENTRIES) -> Tokens:
    made = {name: new_token(name, role, claims, days=None) for name, (role, claims) in entries.items()}
    path.write_text("\n".join(each.entry for each in made.values()), encoding="utf-8")
    return Tokens(path, {name: each.token for name, each in made.items()})
