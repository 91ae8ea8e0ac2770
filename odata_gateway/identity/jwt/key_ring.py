"""The last good key set, read again from time to time, and when a token is of an unknown key.

A set that cannot be read changes nothing: the last good one stays in use, for however long, and a
log line and the metrics say so. Without any set no token is accepted. Requests whose tokens are of
known keys never wait for a reading.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from odata_gateway.identity.jwt.key_set import KeySet
from odata_gateway.identity.jwt.key_source import KeySource, SourceFault
from odata_gateway.observe.counters import COUNTERS

_LOG = logging.getLogger("odata_gateway.identity")
FIRST_RETRY_S = 2.0
"""Until a reading that failed is tried again; each further failure doubles it, up to the ordinary
time between readings."""
MOST_WAIT_S = 5.0
"""How long a request whose token is of an unknown key waits for a reading."""
QUIET_S = 10.0
"""So long no token of an unknown key has the keys read after one had in vain. So whoever invents
keys makes the issuer answer six times a minute, and no more."""


class KeyRing:
    """The keys of a source.

    current    the last good set; None before the first one
    fault      why the last reading failed; None: it did not
    looked     is set after the first reading, whether it failed or not
    read_at    when `current` was read, by time.monotonic()
    quiet_s    see QUIET_S
    """

    def __init__(self, source: KeySource, *, refresh_s: float, quiet_s: float = QUIET_S) -> None:
        self.source = source
        self.current: KeySet | None = None
        self.fault: str | None = None
        self.looked = asyncio.Event()
        self.read_at = time.monotonic()
        self._refresh_s = refresh_s
        self._quiet_s = quiet_s
        self._asked_at = -quiet_s
        self._failures = 0
        self._reading: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()

    @property
    def age_s(self) -> float:
        """How old the keys are, or how long there have been none."""
        return time.monotonic() - self.read_at if self.source.changes else 0.0

    async def run(self) -> None:
        """Read the keys until cancelled."""
        while True:
            await self.refresh()
            if not self.source.changes:
                return
            await self._wait()

    def look_again(self) -> None:
        """Read the keys soon, as after SIGHUP."""
        self._wanted.set()

    async def refresh(self) -> None:
        """Read the keys now. Whoever asks during a reading waits for that one, and its end is the
        same where one of them is cancelled."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._has_read)
        await asyncio.shield(self._reading)

    async def renewed(self, known: KeySet | None) -> bool:
        """Whether there are other keys than the known ones now; they are read for the answer,
        unless that has just been done."""
        if self.source.changes and self.current is known:
            now = time.monotonic()
            if self._reading is not None or now - self._asked_at >= self._quiet_s:
                with suppress(TimeoutError):
                    async with asyncio.timeout(MOST_WAIT_S):
                        await self.refresh()
                if self.current is known:
                    self._asked_at = now
        return self.current is not known

    async def _wait(self) -> None:
        pause_s = self._refresh_s
        if self._failures:
            pause_s = min(pause_s, FIRST_RETRY_S * 2 ** min(self._failures - 1, 16))
        try:
            async with asyncio.timeout(pause_s):
                await self._wanted.wait()
        except TimeoutError:
            return
        self._wanted.clear()

    def _has_read(self, _: asyncio.Task[None]) -> None:
        self._reading = None
        self.looked.set()

    async def _read(self) -> None:
        try:
            found = await self.source.read()
        except SourceFault as fault:
            self._failed(str(fault))
            return
        COUNTERS.key_reads += int(self.source.changes)
        if self.current is None or self.current.digests != found.digests:
            self._use(found)
        elif self.fault is not None:
            _LOG.info("the keys that sign tokens can be read again; they have not changed")
        self.fault, self._failures, self.read_at = None, 0, time.monotonic()

    def _use(self, found: KeySet) -> None:
        self.current = found
        if self.source.changes:
            _LOG.info("%d keys that sign tokens were read from %s", len(found.keys), self._places)
        if not found.keys:
            reasons = "; ".join(found.unused[:3]) or "the set is empty"
            _LOG.warning("no token is accepted: %s has no key to use: %s", self._places, reasons)

    def _failed(self, fault: str) -> None:
        COUNTERS.key_faults += 1
        self._failures += 1
        if self.fault != fault:
            effect = (
                "no token is accepted until they can be read"
                if self.current is None
                else f"those that were read {self.age_s:.0f} s ago stay in use"
            )
            _LOG.warning("the keys that sign tokens cannot be read; %s: %s", effect, fault)
        self.fault = fault

    @property
    def _places(self) -> str:
        return " and ".join(self.source.places)
