"""Models of a test's own, in few words, and the program over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.harness import tokens
from tests.harness.gateway import Gateway

SCHEMA = "own"


def entity(key: str, properties: Mapping[str, str], table: str, **annotations: Any) -> dict[str, Any]:
    """An entity type: `key` has names with commas between, `properties` Edm types by name, with a `?` behind for nullable ones."""
    declared = {
        name: {"$Type": f"Edm.{type_.removesuffix('?')}"} | ({"$Nullable": True} if type_.endswith("?") else {})
        for name, type_ in properties.items()
    }
    policy = {} if "Account" in annotations else {"@Gateway.Unscoped": True}
    gateway = {f"@Gateway.{name}": value for name, value in annotations.items()}
    return {"$Kind": "EntityType", "$Key": key.split(","), "@Gateway.Table": f"{SCHEMA}.{table}"} | policy | gateway | declared


def navigation(target: str, *joins: str, many: bool = False) -> dict[str, Any]:
    kind = {"$Collection": True} if many else {"$Nullable": True}
    return {"$Kind": "NavigationProperty", "$Type": f"Own.{target}", "@Gateway.Join": list(joins)} | kind


def document(types: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A model with one entity set for each type, which is called like it with an s behind."""
    sets: dict[str, Any] = {}
    for name, members in types.items():
        ways = {n: f"{m['$Type'].removeprefix('Own.')}s" for n, m in members.items() if isinstance(m, dict) and m.get("$Kind")}
        sets[f"{name}s"] = {"$Type": f"Own.{name}", "$Collection": True} | ({"$NavigationPropertyBinding": ways} if ways else {})
    return {
        "$Version": "4.01",
        "$EntityContainer": "Own.Service",
        "Own": {**types, "Service": {"$Kind": "EntityContainer", **tokens.TABLES, **sets}},
    }


def serve(gateways: Callable[..., Gateway], folder: Path, dsn: str, types: Mapping[str, dict[str, Any]], **settings: str) -> Gateway:
    """The program over a model of these types; the sample data's tokens get in."""
    path = folder / "model.json"
    path.write_text(json.dumps(document(types)))
    return gateways(ODATA_DSN=dsn, ODATA_MODEL=str(path), **settings)
