"""Ends a server process without losing a request.

Load balancers keep sending requests for a while after SIGTERM, and connections stay open between
requests. So a process that ends first reports that it is not ready (readiness 503, `Connection:
close` in every answer) and accepts requests as before, for ODATA_GRACE_S. Then it stops listening,
closes connections without a request, and waits for running requests, until ODATA_DRAIN_S after the
signal.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress

from odata_gateway.server.linux_drain import SETTLE_S, drop_new_connections
from odata_gateway.web.app import Gateway
from odata_gateway.web.listener import Listener

LOG = logging.getLogger("odata_gateway.server")

FIRST_REQUEST_S = 0.1
"""How long connections that were accepted last have to send their first request."""
POLL_S = 0.02


class EndingSignals:
    """The signals that end a process: the first one waits for running requests, the second one does
    not."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()
        self.has_grace = True

    def ask(self, number: signal.Signals) -> None:
        """Note a signal. SIGINT comes from a terminal, so there is no load balancer to wait
        for."""
        if self.asked.is_set():
            self.at_once.set()
        else:
            self.has_grace = number != signal.SIGINT
            self.asked.set()


def ending_signals(*, is_alone: bool) -> EndingSignals:
    """The signals that end this process: SIGTERM, and SIGINT where it is alone. Below a supervisor
    SIGINT is ignored: the supervisor gets it too, and sends SIGTERM."""
    ending = EndingSignals()
    for number in (signal.SIGTERM, signal.SIGINT) if is_alone else (signal.SIGTERM,):
        asyncio.get_running_loop().add_signal_handler(number, ending.ask, number)
    if not is_alone:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return ending


async def drain(gateway: Gateway, main: Listener, admin: Listener, ending: EndingSignals) -> None:
    """Report not ready, listen on for the grace, wait for running requests, close everything."""
    settings, loop = gateway.settings, asyncio.get_running_loop()
    deadline = loop.time() + settings.drain_s
    gateway.health.draining = True
    LOG.info("ending: %d requests are running", gateway.active)
    if settings.shared_port:
        await _shut(main)  # another process listens on the port
    grace_s = min(settings.grace_s, settings.drain_s) if ending.has_grace else 0
    await _sleep(grace_s, ending.at_once)
    await _shut(main)
    await _sleep(FIRST_REQUEST_S, ending.at_once)
    main.close_unused()
    while gateway.active and loop.time() < deadline and not ending.at_once.is_set():
        await _sleep(POLL_S, ending.at_once)
    if gateway.active:
        LOG.warning("%d requests have not ended and are cut off", gateway.active)
    await main.close(at_once=bool(gateway.active))
    await admin.close(at_once=ending.at_once.is_set())


async def _shut(listener: Listener) -> None:
    """Stop listening, and lose no connection that a client has made."""
    dropping = [drop_new_connections(handle) for handle in listener.handles]
    if any(dropping):
        await asyncio.sleep(SETTLE_S)
    await listener.shut()


async def _sleep(seconds: float, sooner: asyncio.Event) -> None:
    """Sleep for some seconds, or until the event is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await sooner.wait()
