"""A cache of what was compiled, bounded in entries and in the size of their SQL."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any, TypeVar

from odata_gateway.observe.counters import COUNTERS

T = TypeVar("T")
MAX_SQL_CHARACTERS = 16 * 1024 * 1024
"""Characters of SQL that a cache holds. An entry takes two to three times the memory of its SQL
(measured: 140 KB of SQL take 350 KB)."""


class Cache:
    """Values by key. The value that was not used for longest is dropped first.

    The type of a value follows from the form of its key, which the caller knows.
    """

    def __init__(self, max_entries: int, max_size: int = MAX_SQL_CHARACTERS) -> None:
        self._max_size = max_size
        self.max_entries = max_entries
        self._table: OrderedDict[Hashable, tuple[Any, int, object]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._table)

    def used(self) -> Iterator[tuple[Hashable, object]]:
        """The keys and what their values were made of, the one that was used last first. The cache
        may not change meanwhile."""
        for key in reversed(self._table):
            yield key, self._table[key][2]

    def get(self, key: Hashable) -> Any:
        """The value of a key, or None."""
        found = self._table.get(key)
        if found is None:
            COUNTERS.cache_misses += 1
            return None
        self._table.move_to_end(key)
        COUNTERS.cache_hits += 1
        return found[0]

    def put(self, key: Hashable, value: T, size: int = 0, source: object = None) -> T:
        """Keep a value under a key that has none, and return it.

        size    of the value, in characters of SQL; one beyond the cache's bound empties the cache
        source  what the value was made of, where it could be made of that again
        """
        self._table[key] = value, size, source
        self._size += size
        while len(self._table) > self.max_entries or self._size > self._max_size:
            self._size -= self._table.popitem(last=False)[1][1]
            COUNTERS.cache_evictions += 1
        return value
