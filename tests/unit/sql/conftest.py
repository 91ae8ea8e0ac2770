"""What the tests of the SQL share."""

from __future__ import annotations

import pytest
from tests.oracle.evaluator import KINDS, Row, World


@pytest.fixture(scope="module")
def literals_world() -> World:
    """Three rows of every type, to take literals from; no rows are needed to render."""
    values = {
        "int": 3,
        "bool": True,
        "string": "it's %",
        "json": "{}",
        "uuid": "426e80e0-94e3-8045-bcf4-efb9d40513f9",
        "time": 1_636_000_000_000_001,
    }
    row = {entity: {name: values.get(kind) for name, kind in kinds.items()} for entity, kinds in KINDS.items()}
    return World({entity: [Row(entity, row[entity], {})] * 3 for entity in KINDS}, {})
