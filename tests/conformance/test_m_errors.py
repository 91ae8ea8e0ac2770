"""Errors, methods, status codes."""

import asyncio
import http.client
import re

import asyncpg
import pytest

ROOT = "/v1.0/odata/"


def test_m01_the_body_of_an_error(ask):
    reply = ask("Message?$filter=nope eq 1", 400)
    assert reply.headers["content-type"] == "application/json" and reply.headers["content-language"] == "en"
    error = reply.json()["error"]
    assert (error["code"], error["target"]) == ("Bind.Name", "$filter")
    assert "nope" in error["message"] and isinstance(error["details"], list)


@pytest.mark.parametrize(("target", "status"), [("Nope", 404), ("Message?$top=x", 400), ("Message?$filter=geo.length(content) eq 1", 501)])
def test_m02_errors_say_their_language(ask, target, status):
    assert ask(target, status).headers["content-language"] == "en"


@pytest.mark.parametrize(
    "target",
    [
        "Message?$filter=id div 0 eq 1",
        "Message?$filter=nope eq 1",
        "Message?$filter=id eq",
        "Nope",
        "Message(0)",
        "Message?$filter=geo.length(content) eq 1",
        "Message?$skiptoken=x",
        "Message?$compute=id mod 0 as x&$select=x",
    ],
)
def test_m03_errors_show_nothing_of_the_inside(ask, target):
    text = ask.gateway.get(target).body.decode()
    assert not re.search(r"SELECT|FROM|Traceback|asyncpg|public\.|messages\"|\.py|127\.0\.0\.1|account_id\"? =|demoAdmin", text)


def test_m04_no_or_a_wrong_token_is_401_and_no_administrator_403(ask):
    tokens = ask.gateway.tokens
    for token in (None, tokens.UNKNOWN, "", tokens.DELETED_USER, tokens.AGENT_BOT, tokens.LOWER_CASE_OWNER):
        assert ask.error("Message", 401, token=token)["code"].startswith("Auth.")
    for token in (tokens.AGENT, tokens.NO_MEMBER, tokens.EX_MEMBER, tokens.SUPERVISOR):
        assert ask.error("Message", 403, token=token)["code"] == "Auth.Forbidden"


def test_m04_a_401_says_how_to_authenticate(ask):
    connection = http.client.HTTPConnection("127.0.0.1", ask.gateway.port, timeout=30)
    connection.request("GET", f"{ROOT}Message")
    response = connection.getresponse()
    challenges = response.headers.get_all("WWW-Authenticate")
    response.read()
    connection.close()
    assert [challenge.partition(" ")[0] for challenge in challenges] == ["Bearer", "Basic"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "Message"),
        ("PATCH", "Message(1)"),
        ("PUT", "Message(1)"),
        ("DELETE", "Message(1)"),
        ("PUT", "Message(1)/conversation/$ref"),
        ("DELETE", "Message"),
        ("PUT", "Message(1)/content"),
        ("DELETE", "Message(1)/content/$value"),
    ],
)
def test_m05_writing_is_405_with_allow(ask, sample, method, path):
    before = sample.rows("SELECT count(*), sum(hashtext(m::text)) FROM messages AS m")
    headers = {"Authorization": f"Bearer {ask.gateway.tokens.ADMIN}", "Content-Type": "application/json"}
    reply = ask.gateway.ask(method, ROOT + path, headers, b'{"content":"written"}')
    assert (reply.status, reply.json()["error"]["code"]) == (405, "Url.Method")
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"
    assert sample.rows("SELECT count(*), sum(hashtext(m::text)) FROM messages AS m") == before


@pytest.mark.parametrize("target", ["$batch", "Message/$query"])
def test_m06_reading_what_only_takes_post_is_405(ask, target):
    assert ask.error(target, 405)["code"] == "Url.Method"
    assert ask(target, 405).headers["allow"].startswith("POST")


@pytest.mark.parametrize(
    ("target", "status", "headers"),
    [
        ("Message", 406, {"Accept": "image/png"}),
        ("Nope", 404, {}),
        ("Message", 412, {"OData-Isolation": "snapshot"}),
        ("Message?$filter=geo.length(content) eq 1", 501, {}),
        ("Message?$filter=id eq x y", 400, {"OData-MaxVersion": "4.01"}),
        ("Message?$filter=" + "a" * 20_000, 414, {}),
    ],
)
def test_m07_every_refusal_is_an_odata_error(ask, target, status, headers):
    """410 and 415 have no case here: a token that is no longer good is 400, and no request body is read."""
    ask.error(target, status, headers=headers)


def test_m08_a_failure_after_the_status_line_breaks_the_answer(gateways, scratch_reader_dsn, cluster, scratch):
    """The last of 5,000 messages cannot be written: what was sent before stays, and the connection ends without the body's end."""
    cluster.psql(
        scratch,
        "CREATE FUNCTION fail_late(id integer) RETURNS text LANGUAGE plpgsql STABLE AS "
        "$$ BEGIN IF id > 7900 THEN RAISE EXCEPTION 'late'; END IF; RETURN 'ok'; END $$; "
        "ALTER TABLE messages RENAME TO messages_kept; "
        "CREATE VIEW messages AS SELECT id, fail_late(id) AS content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, "
        "private, status, source_id, content_type, content_attributes, sender_type, sender_id, external_source_ids FROM messages_kept; "
        "GRANT SELECT ON messages TO PUBLIC;",
    )
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_PAGE_ROWS="10000")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.request("GET", f"{ROOT}Message?$orderby=id", headers={"Authorization": f"Bearer {gateway.tokens.ADMIN}"})
    response = connection.getresponse()
    assert response.status == 200
    received = b""
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)) as broken:
        while part := response.read(65536):
            received += part
    received += getattr(broken.value, "partial", b"")
    assert received.startswith(b'{"@odata.context"') and not received.endswith(b"]}")
    connection.close()
    assert gateway.get("Message?$filter=id lt 100&$select=id,content").status == 200


@pytest.mark.parametrize("path", ["/v9.9/odata/Message", "/odata/Message", "/v1.0/Message"])
def test_m09_another_api_version_is_404(ask, path):
    reply = ask.gateway.ask("GET", path, {"Authorization": f"Bearer {ask.gateway.tokens.ADMIN}"})
    assert reply.status == 404 and reply.json()["error"]["code"] and reply.headers["odata-version"] == "4.0"


async def test_m10_a_statement_that_takes_too_long_is_504(gateways, scratch_dsn, scratch_reader_dsn):
    """Another session holds the table; asking blocks, and so runs in a thread."""
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_STATEMENT_TIMEOUT_S="1")
    assert gateway.get("Message?$top=1").status == 200
    holder = await asyncpg.connect(scratch_dsn)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE messages")
            reply = await asyncio.to_thread(gateway.get, "Message?$top=1")
    finally:
        await holder.close()
    assert (reply.status, reply.json()["error"]["code"]) == (504, "Db.Timeout")
    assert int(reply.headers["retry-after"]) >= 1
    assert gateway.get("Message?$top=1").status == 200
