"""The signals that end a process. tests/trust/test_t12_endings.py ends real ones."""

import signal
import socket
import sys

import pytest
from odata_gateway.server.drain import EndingSignals
from odata_gateway.server.linux_drain import drop_new_connections


@pytest.mark.parametrize(("number", "has_grace"), [(signal.SIGTERM, True), (signal.SIGINT, False)])
def test_the_first_signal_asks_and_only_sigterm_leaves_time_to_balancers(number, has_grace):
    ending = EndingSignals()
    ending.ask(number)
    assert (ending.asked.is_set(), ending.at_once.is_set(), ending.has_grace) == (True, False, has_grace)


def test_the_second_signal_ends_at_once():
    ending = EndingSignals()
    ending.ask(signal.SIGTERM)
    ending.ask(signal.SIGINT)
    assert ending.at_once.is_set() and ending.has_grace


def test_a_port_that_drops_new_connections_keeps_those_it_has():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        before = socket.create_connection(listening.getsockname(), 5)
        is_dropping = drop_new_connections(listening)
        assert is_dropping == (sys.platform == "linux")
        if is_dropping:
            with pytest.raises(TimeoutError):
                socket.create_connection(listening.getsockname(), 0.3)
        accepted, _ = listening.accept()
        before.sendall(b"asked")
        assert accepted.recv(5) == b"asked"
        before.close()
        accepted.close()
