"""The answer to a batch: each form as its readers expect it, byte by byte."""

import asyncio

import orjson
import pytest
from odata_gateway.protocol.batch.responses import ResponseName, answer_in
from odata_gateway.protocol.message import ended


async def chunks(*pieces):
    for piece in pieces:
        yield piece


def written(answer, name, headers, body, status=200):
    async def collect():
        return b"".join([piece async for piece in answer.part(name, status, headers, body)])

    return asyncio.run(collect())


JSON = (("Content-Type", "application/json;odata.metadata=minimal"),)


def test_a_multipart_answer_has_application_http_in_each_part():
    answer = answer_in("multipart")
    boundary = answer.content_type.removeprefix("multipart/mixed; boundary=")
    part = written(answer, ResponseName("7"), JSON, b"{}")
    assert part.decode() == (
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 7\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Type: application/json;odata.metadata=minimal\r\nContent-Length: 2\r\n\r\n{}\r\n"
    )
    assert (answer.head, answer.tail) == (b"", f"--{boundary}--\r\n".encode())


def test_a_streamed_part_has_no_length():
    part = written(answer_in("multipart"), ResponseName(None), JSON, chunks(b'{"value":[', b"1", b"]}"))
    assert b"Content-Length" not in part and b"Content-ID" not in part and part.endswith(b'\r\n\r\n{"value":[1]}\r\n')


def test_a_boundary_cannot_be_guessed():
    assert answer_in("multipart").content_type != answer_in("multipart").content_type


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (JSON, b'{"a":1}', {"a": 1}),
        (JSON, chunks(b'{"value":', b"[1,2]}"), {"value": [1, 2]}),
        ((("Content-Type", "text/plain;charset=utf-8"),), "a\"ü".encode(), 'a"ü'),
        ((("Content-Type", "application/octet-stream"),), b"\xff\xfe", "__4"),
    ],
)  # fmt: skip
def test_a_body_in_json_is_an_object_a_text_or_base64url(headers, body, expected):
    found = orjson.loads(written(answer_in("json"), ResponseName("1", "g"), headers, body, 201))
    assert found == {"id": "1", "atomicityGroup": "g", "status": 201, "headers": {"content-type": headers[0][1]}, "body": expected}


def test_responses_are_separated_by_commas():
    answer = answer_in("json")
    parts = [written(answer, ResponseName(str(n)), (), b"", 204) for n in range(3)]
    whole = orjson.loads(answer.head + b"".join(parts) + answer.tail)
    assert whole == {"responses": [{"id": str(n), "status": 204, "headers": {}} for n in range(3)]}


def test_a_body_is_closed_at_the_end_also_after_an_error():
    closed = []

    async def rows():
        try:
            yield b"1"
            yield b"2"
        finally:
            closed.append(True)

    async def leave(body):
        async with ended(body):
            if not isinstance(body, bytes):
                await anext(body)
            raise ConnectionError

    for body in (rows(), b"whole"):
        with pytest.raises(ConnectionError):
            asyncio.run(leave(body))
    assert closed == [True]
