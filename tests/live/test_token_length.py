"""Access tokens of up to 16 kB pass wherever a token can stand; one byte more is refused with the reason."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from tests.harness.batch import ask_json, multipart, parts_of, post
from tests.harness.cluster import Cluster
from tests.harness.gateway import Gateway, start_gateway

LONGEST = 16_384
LENGTHS = (1_024, 1_025, 2_704, 8_192, LONGEST)
PATH = "/v1.0/odata/"


def token(length: int) -> str:
    """A text of the form of a JWT, with nothing that a compression could shorten to another one's."""
    return "eyJhbGciOiJSUzI1NiJ9." + "".join(chr(97 + (i * i + length) % 26) for i in range(length - 21))


WAYS = {
    "bearer": lambda text: (f"{PATH}Label?$top=1", {"Authorization": f"Bearer {text}"}),
    "header": lambda text: (f"{PATH}Label?$top=1", {"apikey": text}),
    "url": lambda text: (f"{PATH}Label?$top=1&apikey={text}", {}),
    "url twice": lambda text: (f"{PATH}Label?apikey={text}&$top=1&apikey={text}", {}),
    "password": lambda text: (f"{PATH}Label?$top=1", {"Authorization": "Basic " + b64encode(f"a user:{text}".encode()).decode()}),
    "user name": lambda text: (f"{PATH}Label?$top=1", {"Authorization": "Basic " + b64encode(f"{text}:".encode()).decode()}),
}


@pytest.fixture(scope="module")
def known(cluster: Cluster) -> Iterator[Gateway]:
    """The program with a long token of account 1's administrator for each length."""
    database = "token_length"
    cluster.load(database)
    cluster.psql(database, "DROP INDEX IF EXISTS index_access_tokens_on_token")
    for length in LENGTHS:
        cluster.psql(
            database,
            "INSERT INTO access_tokens (owner_type, owner_id, token, created_at, updated_at) "
            f"VALUES ('User', 1, '{token(length)}', now(), now())",
        )
    with start_gateway(ODATA_DSN=cluster.dsn(user="odata_reader", database=database)) as gateway:
        yield gateway
    cluster.psql("postgres", f"DROP DATABASE {database} WITH (FORCE)")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_token_of_up_to_16_kb_is_known(known, way, length):
    path, headers = WAYS[way](token(length))
    reply = known.ask("GET", path, headers)
    assert (reply.status, len(reply.json()["value"])) == (200, 1), reply.body[:300]


@pytest.mark.parametrize("way", WAYS)
def test_a_longer_token_is_refused_with_the_reason(known, way):
    path, headers = WAYS[way](token(LONGEST + 1))
    reply = known.ask("GET", path, headers)
    error = reply.json()["error"]
    assert (reply.status, error["code"]) == (401, "Auth.Invalid") and "16384 bytes" in error["message"]
    assert token(LONGEST + 1) not in reply.body.decode()


@pytest.mark.parametrize("length", [20_000, 40_000, 200_000])
def test_far_longer_ones_are_refused_too(known, length):
    for way, make in WAYS.items():
        path, headers = make(token(length))
        assert known.ask("GET", path, headers).status in (400, 401, 414, 431), way


def test_a_long_token_leaves_room_for_the_longest_url(known):
    condition = "$filter=" + quote("id ne 0 and " + " and ".join(f"id ne {number}" for number in range(1000, 1680)))
    target = f"Label?{condition}"
    assert 14_000 < len(target) <= 16_384
    assert known.ask("GET", f"{PATH}{target}&apikey={token(LONGEST)}", {}).status == 200
    longer = known.ask("GET", f"{PATH}{target}{'%20' * 1000}&apikey={token(LONGEST)}", {})
    assert (longer.status, longer.json()["error"]["code"]) == (414, "Limit.Url")


def test_links_repeat_a_long_token_of_the_url(known):
    reply = known.ask("GET", f"{PATH}Label?apikey={token(LONGEST)}&$select=id", {"Prefer": "maxpagesize=4"})
    rows = list(reply.json()["value"])
    while "@odata.nextLink" in reply.json():
        link = reply.json()["@odata.nextLink"]
        reply = known.ask("GET", link[link.index(PATH) :], {"Prefer": "maxpagesize=4"})
        rows += reply.json()["value"]
    assert [row["id"] for row in rows] == sorted({row["id"] for row in known.get("Label").rows})


def test_batches_take_a_long_token(known):
    long = token(LONGEST)
    sent = {"Authorization": f"Bearer {long}"}
    [part] = parts_of(post(known, multipart(f"GET Label(1)\nAuthorization: Bearer {long}"), **sent))
    [answer] = ask_json(known, {"id": "1", "method": "GET", "url": f"Label(1)?apikey={long}"}, **sent)
    assert (part.status, answer["status"]) == (200, 200)
    [refused] = ask_json(known, {"id": "1", "method": "GET", "url": f"Label(1)?apikey={long}x"}, **sent)
    assert refused["status"] == 401
