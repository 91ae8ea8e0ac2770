"""A database as Supabase's and PostgREST's users have it, its model, and who asks it; see tests/data/supabase.sql."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

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
