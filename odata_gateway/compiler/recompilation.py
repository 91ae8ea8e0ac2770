"""What was in use of one model, compiled again for the one that takes its place.

Without that, the first requests after an exchange of the model would each wait for the compiler. A
compilation takes milliseconds and is not interrupted. So there is a pause after each step, in which
requests are answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Hashable, Iterator
from time import perf_counter

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import ODataError
from odata_gateway.url.normalize import QueryTemplate

_LOG = logging.getLogger("odata_gateway")
MOST_QUERIES = 128
PAUSES = 3
"""How much longer than a step the pause after it is: compiling takes at most a quarter of a
processor."""
_MOST_WAITING = 16


class Recompilation:
    """Compiles in the background, for one pair of models after another."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Compiler, Compiler]] = deque(maxlen=_MOST_WAITING)
        self._asked = asyncio.Event()

    def ask(self, before: Compiler, compiler: Compiler) -> None:
        """Have `compiler` compile soon what `before` was used for last."""
        self._waiting.append((before, compiler))
        self._asked.set()

    async def run(self) -> None:
        """Compile what is asked for, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._waiting:
                try:
                    await self._compile(*self._waiting.popleft())
                except Exception:
                    _LOG.exception("what was in use before cannot be compiled again")

    async def _compile(self, before: Compiler, compiler: Compiler) -> None:
        count, longest_s, all_s = 0, 0.0, 0.0
        began = perf_counter()
        for has_compiled in recompiled(before, compiler):
            took_s = perf_counter() - began
            count += has_compiled
            longest_s, all_s = max(longest_s, took_s), all_s + took_s
            await asyncio.sleep(took_s * PAUSES)
            began = perf_counter()
        if count:
            _LOG.info(
                "compiled again for the model as it is now: %d queries, %.1f ms, at most %.1f ms "
                "at once",
                *(count, all_s * 1000, longest_s * 1000),
            )


def recompiled(before: Compiler, compiler: Compiler) -> Iterator[bool]:
    """Steps in which a compiler compiles what another one was used for last, each a query or one of
    its statements; whether the step was one of a query that can be asked of its model."""
    for template, statements in _in_use(before, compiler.cache.max_entries // 2):
        try:
            query = compiler.compile_template(template)
            yield True
            for names in statements:
                query.compile_kept(names)
                yield False
        except ODataError:
            yield False  # it cannot be asked of this model


def _in_use(
    compiler: Compiler, most_entries: int
) -> list[tuple[QueryTemplate, list[tuple[Hashable, ...]]]]:
    """The templates that were used last, each with the names of its statements in the cache."""
    statements: dict[Hashable, list[tuple[Hashable, ...]]] = {}
    templates: dict[Hashable, QueryTemplate] = {}
    for number, (key, source) in enumerate(compiler.cache.used()):
        if len(templates) == MOST_QUERIES or number == most_entries:
            break
        if isinstance(source, QueryTemplate):
            templates[key] = source
        elif isinstance(key, tuple) and isinstance(key[0], tuple):
            statements.setdefault(key[0], []).append(key[1:])
    return [(template, statements.get(key, [])) for key, template in templates.items()]
