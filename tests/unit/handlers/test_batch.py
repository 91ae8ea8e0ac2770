"""A batch on its way: what breaks it, and what it leaves behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from odata_gateway.errors import DbUnavailable
from odata_gateway.handlers.batch import Hands, answer_batch
from odata_gateway.protocol.message import Reply, Request
from tests.harness.batch import multipart

JSON_HEADERS = (("Content-Type", "application/json"),)


class Rows:
    """A body of three chunks, the third of which fails; it counts how many were taken, and whether it was closed."""

    def __init__(self) -> None:
        self.taken, self.closed = 0, False

    def reply(self) -> Reply:
        return Reply(200, JSON_HEADERS, self.chunks())

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            for chunk in (b'{"value":[', b"1,"):
                self.taken += 1
                yield chunk
            raise DbUnavailable("the database has gone")
        finally:
            self.closed = True


def started(rows: Rows) -> AsyncIterator[bytes]:
    async def answer(request: Request) -> Reply:
        return rows.reply()

    hands = Hands(answer, lambda error: Reply(500, ()), lambda headers, query: None, lambda target: target, lambda target, body, paths: {})
    request = Request(
        "POST", "$batch", {"content-type": "multipart/mixed;boundary=b"}, "http://h/v1.0/odata/", "t", multipart("GET A", "GET B")
    )
    body = answer_batch(request, hands, most=2).body
    assert not isinstance(body, bytes)
    return body


def test_a_part_that_fails_in_its_middle_breaks_the_answer():
    async def read() -> None:
        rows, seen = Rows(), b""
        with pytest.raises(DbUnavailable):
            async for piece in started(rows):
                seen += piece
        assert rows.closed and seen.endswith(b"1,") and seen.count(b"HTTP/1.1 200") == 1 and b"--\r\n" not in seen[-10:]

    asyncio.run(read())


def test_an_answer_that_is_given_up_ends_the_part_under_way():
    async def read() -> None:
        rows = Rows()
        body = started(rows)
        async for piece in body:
            if b"value" in piece:
                break
        await body.aclose()
        assert rows.closed and rows.taken == 1

    asyncio.run(read())
