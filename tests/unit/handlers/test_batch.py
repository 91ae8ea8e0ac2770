"""A batch on its way: what breaks it, and what it leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import DbUnavailable
from odata_gateway.handlers.batch import BatchHandler
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.url.resource_kind import ResourceKind
from tests.harness.batch import multipart
from tests.harness.cases import MODEL

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


class Service:
    """Answers every part with the same rows."""

    def __init__(self, rows: Rows) -> None:
        self.compiler = Compiler(MODEL, limits=Limits(), max_url_bytes=1000, cache_entries=1)
        self.rows = rows

    async def compiler_of(self, caller: Caller) -> Compiler:
        return self.compiler

    async def answer(self, request: Request) -> Reply:
        return self.rows.reply()


class Tokens:
    """Knows every token."""

    async def caller(self, token: str | None) -> Caller:
        return Caller("1", (1,))


class Client:
    """Sends its token with the batch only."""

    def token_of(self, headers: Mapping[str, str], query: str) -> str | None:
        return None

    def refusal(self, request: Request, error: Exception) -> Reply:
        return Reply(500, ())


async def started(rows: Rows) -> AsyncIterator[bytes]:
    headers = {"content-type": "multipart/mixed;boundary=b"}
    request = Request("POST", "$batch", ResourceKind.BATCH, headers, "http://h/v1.0/odata/", "t", multipart("GET A", "GET B"))
    body = (await BatchHandler(Service(rows), Tokens(), Client(), max_parts=2).answer(request)).body
    assert not isinstance(body, bytes)
    return body


def test_a_part_that_fails_in_its_middle_breaks_the_answer():
    async def read() -> None:
        rows, seen = Rows(), b""
        with pytest.raises(DbUnavailable):
            async for piece in await started(rows):
                seen += piece
        assert rows.closed and seen.endswith(b"1,") and seen.count(b"HTTP/1.1 200") == 1 and b"--\r\n" not in seen[-10:]

    asyncio.run(read())


def test_an_answer_that_is_given_up_ends_the_part_under_way():
    async def read() -> None:
        rows = Rows()
        body = await started(rows)
        async for piece in body:
            if b"value" in piece:
                break
        await body.aclose()
        assert rows.closed and rows.taken == 1

    asyncio.run(read())
