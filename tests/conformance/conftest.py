"""What the rows of the OData checklist share: asking with a status to be met, and the sample data in plain SQL.

One test holds one row and has its number in its name. A row of several requests is a table of cases. `200|501` in the checklist means that a feature
may be refused: then the test says which feature the error names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.harness.ask import Ask
from tests.harness.gateway import Gateway
from tests.harness.sample import Sample


@pytest.fixture(scope="session")
def ask(gateway: Gateway) -> Ask:
    return Ask(gateway)


@pytest.fixture(scope="session")
def sample(dsn: str) -> Iterator[Sample]:
    data = Sample(dsn)
    yield data
    data.close()


@pytest.fixture(scope="session")
def same(ask: Ask, sample: Sample) -> Callable[[str, str, str], list[int]]:
    """Compare: the rows that a $filter keeps are those for which a condition in SQL is true."""

    def compare(entity_set: str, odata: str, sql: str) -> list[int]:
        found = ask.ids(f"{entity_set}?$select=id&$filter={odata}")
        assert found == sample.ids(entity_set, sql)
        return found

    return compare
