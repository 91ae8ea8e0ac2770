"""Messages that nobody waits for: asyncpg sees the answers to its own only, however the bytes come in."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from odata_gateway.db.wire.fast_messages import UnawaitedMessages


class Driver(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self):
        self.received, self.told = b"", []

    def data_received(self, data):
        self.received += data

    def connection_lost(self, exc):
        self.told.append("lost")

    def eof_received(self):
        self.told.append("end")

    def pause_writing(self):
        self.told.append("pause")

    def resume_writing(self):
        self.told.append("resume")


class Wire(asyncio.Transport):
    def __init__(self, protocol):
        super().__init__()
        self.protocol, self.sent = protocol, b""

    def get_protocol(self):
        return self.protocol

    def set_protocol(self, protocol):
        self.protocol = protocol

    def write(self, data):
        self.sent += data


def message(kind, content=b""):
    return kind + (len(content) + 4).to_bytes(4, "big") + content


READY = message(b"Z", b"T")
BEGUN = message(b"C", b"BEGIN\0") + message(b"S", b"role\0a\0") + message(b"C", b"SET\0") + READY
REFUSED = message(b"C", b"BEGIN\0") + message(b"E", b"SERROR\0C42501\0Mno such \xff role\0\0") + message(b"Z", b"E")
ROWS = message(b"2") + message(b"D", b"Z" * 300) + message(b"C", b"SELECT 1\0") + READY
ENDED = message(b"C", b"ROLLBACK\0") + message(b"Z", b"I")


@pytest.fixture
def wire():
    return Wire(Driver())


@pytest.mark.parametrize("size", [*range(1, 40), 1000])
def test_answers_are_told_apart_in_pieces_of_any_size(wire, size):
    driver, messages = wire.protocol, UnawaitedMessages(wire)
    steps = (
        (["BEGIN"], BEGUN + ROWS),
        (["ROLLBACK", "BEGIN"], ENDED + BEGUN + ROWS),
        (["ROLLBACK"], ENDED),
        ([], ROWS),
        (["BEGIN"], BEGUN),
    )
    for sent, answered in steps:
        for sql in sent:
            messages.send(sql)
        for at in range(0, len(answered), size):
            wire.protocol.data_received(answered[at : at + size])
    assert driver.received == ROWS * 3


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_error_of_a_message_is_noted_until_the_next_one(wire, size):
    messages, answered = UnawaitedMessages(wire), REFUSED + ROWS
    messages.send("BEGIN", notes_fault=True)
    for at in range(0, len(answered), size):
        wire.protocol.data_received(answered[at : at + size])
    assert isinstance(messages.fault, asyncpg.InsufficientPrivilegeError) and str(messages.fault) == "no such \ufffd role"
    messages.send("ROLLBACK")
    wire.protocol.data_received(REFUSED)
    assert isinstance(messages.fault, asyncpg.InsufficientPrivilegeError)
    messages.send("BEGIN", notes_fault=True)
    assert messages.fault is None


def test_a_message_is_a_simple_query(wire):
    UnawaitedMessages(wire).send("SELECT 'ä'")
    assert wire.sent == b"Q\0\0\0\x10SELECT '\xc3\xa4'\0"


def test_the_driver_is_told_of_its_connection(wire):
    driver, _ = wire.protocol, UnawaitedMessages(wire)
    wire.protocol.pause_writing()
    wire.protocol.resume_writing()
    wire.protocol.eof_received()
    wire.protocol.connection_lost(None)
    assert driver.told == ["pause", "resume", "end", "lost"]
