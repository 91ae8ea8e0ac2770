"""T19: a token leaves no trace. It is sent in every way, over error paths of every kind, and then looked for in all that the gateway, Postgres
and the system show: log lines of each form at level debug, bodies, headers, metrics, traces, command lines, the environment,
pg_stat_activity and the server's own log.

Each request has a token of its own, made of letters that need no escaping, so that it would be found however it was cut or encoded: also in
base64 and percent-encoded. The only place for one is the next link of a request that carried `apikey`, as docs/connect.md says.
"""

from __future__ import annotations

import base64
import itertools
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from odata_gateway.demo import tokens
from tests.harness.cluster import READER, Cluster
from tests.harness.collector import Collector
from tests.harness.faults import backends, kill_backends, wait_until
from tests.harness.figures import record
from tests.harness.gateway import Gateway, free_port
from tests.harness.raw import RawClient, ask

_numbers = itertools.count(1)


def canary() -> str:
    return f"canary{next(_numbers):06d}Zq7TokenOfNobody"


# Where a request may hold a token: (target, headers) of a target and a token.
WAYS: dict[str, Callable[[str, str], tuple[str, list[str]]]] = {
    "bearer": lambda target, token: (target, [f"Authorization: Bearer {token}"]),
    "basic password": lambda target, token: (target, ["Authorization: Basic " + base64.b64encode(f"user:{token}".encode()).decode()]),
    "basic user": lambda target, token: (target, ["Authorization: Basic " + base64.b64encode(f"{token}:".encode()).decode()]),
    "apikey header": lambda target, token: (target, [f"apikey: {token}"]),
    "apikey": lambda target, token: (with_option(target, f"apikey={token}"), []),
    "apikey, name encoded": lambda target, token: (with_option(target, f"%61pikey={token}"), []),
    "apikey, sign encoded": lambda target, token: (with_option(target, f"apikey%3D{token}"), []),
    "apikey after &": lambda target, token: (target.replace("?", "&") + f"&apikey={token}", []),
    "cookie": lambda target, token: (target, [f"Cookie: apikey={token}; token={token}"]),
    "unknown scheme": lambda target, token: (target, [f"Authorization: Digest {token}"]),
}
ERRORS = (
    "Message(1)", "Message?$top=x", "Message?$filter=nosuch eq 1", "Message?$filter=id eq", "Message?$filter=contains(content,'%zz')",
    "Message?$top=1&$top=2", "Message?$foo=1", "Nothing", "Message(999999999)", "Message(x)", "Message?$format=xml", "Message?$skiptoken=x.y",
    "Message?$apply=rollup(n)", "Message?$search=x", "$batch", "$all", "$metadata?$format=nonsense", "$metadata/x", "?$filter=1",
    "Message?$filter=" + "not%20" * 200 + "true", "Message?$expand=nosuch", "Message?$filter=id%20div%200%20eq%201", "User?$filter=tokens ne null",
    "Conversation(1)/messages(999)", "Message/$count/x", "Message?$select=", "%00", "Message?$filter=%ff", "Message?" + "a" * 20000,
    "$entity?$id=http://other.example/x", "Message?$orderby=id%20sideways", "Message(1)/id/$value/x",
)  # fmt: skip
# Where a request with a body may hold a token besides: (path, headers, body) of a target and a token.
POSTED: dict[str, Callable[[str, str], tuple[str, list[str], str]]] = {
    "in the body of $query": lambda target, token: query(target, [], f"apikey={token}"),
    "with $query": lambda target, token: query(target, [f"Authorization: Bearer {token}"], ""),
    "with a batch": lambda target, token: batch(f"GET {target} HTTP/1.1", outer=[f"Authorization: Bearer {token}"]),
    "in the URL of a batch": lambda target, token: batch(f"GET {target} HTTP/1.1", options=f"?apikey={token}"),
    "in the URL of a part": lambda target, token: batch(f"GET {with_option(target, f'apikey={token}')} HTTP/1.1", outer=[KNOWN]),
    "with a part": lambda target, token: batch(f"GET {target} HTTP/1.1", f"Authorization: Bearer {token}", outer=[KNOWN]),
    "with a part, in a header that is none": lambda target, token: batch(f"GET {target} HTTP/1.1", f"apikey {token}", outer=[KNOWN]),
    "as the method of a part": lambda target, token: batch(f"{token} {target} HTTP/1.1", outer=[KNOWN]),
    "in a JSON batch": lambda target, token: json_batch({"url": target, "headers": {"apikey": token}}),
    "in a JSON batch, where none belongs": lambda target, token: json_batch({"url": target, "apikey": token, "atomicityGroup": [token]}),
}
KNOWN = f"Authorization: Bearer {tokens.ADMIN}"
LOGS_ALL = {
    "log_statement": "all", "log_min_duration_statement": "0", "log_parameter_max_length": "-1", "log_parameter_max_length_on_error": "-1",
    "log_min_error_statement": "debug5", "log_error_verbosity": "verbose",
}  # fmt: skip
METHODS = ("GET", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW")


def with_option(target: str, option: str) -> str:
    return f"{target}{'&' if '?' in target else '?'}{option}"


def query(target: str, headers: list[str], option: str) -> tuple[str, list[str], str]:
    path, _, options = target.partition("?")
    return f"{path}/$query", ["Content-Type: text/plain", *(headers or [KNOWN])], f"{options}&{option}" if option else options


def batch(*lines: str, outer: list[str] | None = None, options: str = "") -> tuple[str, list[str], str]:
    """A batch of one part, which begins with these lines."""
    body = "\r\n".join(["--b", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "", *lines, "", "", "--b--", ""])
    return f"$batch{options}", ["Content-Type: multipart/mixed;boundary=b", *(outer or [])], body


def json_batch(part: dict[str, object]) -> tuple[str, list[str], str]:
    return "$batch", ["Content-Type: application/json", KNOWN], json.dumps({"requests": [{"id": "1", "method": "GET", **part}]})


def traces(token: str) -> tuple[bytes, ...]:
    """The token as it is, percent-encoded to the last letter, and what base64 makes of its middle."""
    encoded = [base64.b64encode(b"x" * shift + token.encode())[4:-4] for shift in range(3)]
    return (token.encode(), "".join(f"%{byte:02X}" for byte in token.encode()).encode(), *encoded)


class Search:
    """The tokens that were sent, and what may be looked through for them."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def token(self) -> str:
        self.sent.append(canary())
        return self.sent[-1]

    def found_in(self, text: bytes) -> list[str]:
        return [token for token in self.sent if any(trace in text for trace in traces(token))]


@pytest.fixture(scope="module")
def logging_postgres() -> Iterator[Cluster]:
    """A server that logs as much as one can make it: every statement, and its parameters."""
    with Cluster.start(settings=LOGS_ALL) as server:
        server.load()
        yield server


ADMIN_PORT = free_port()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(params=["text", "json"])
def gateway(request, gateways, logging_postgres: Cluster, collector: Collector) -> Gateway:
    return gateways(
        ODATA_DSN=logging_postgres.dsn(user=READER), ODATA_LOG_LEVEL="debug", ODATA_LOG_FORMAT=request.param, ODATA_READ_TIMEOUT_S="1",
        ODATA_MAX_BODY_BYTES="4000", ODATA_ADMIN_PORT=str(ADMIN_PORT), ODATA_SLOW_QUERY_MS="1", **collector.settings,
    )  # fmt: skip


def send(gateway: Gateway, way: str, target: str, search: Search, method: str = "GET") -> bytes:
    """One request with a token in it, and all that came back."""
    path, headers = WAYS[way](encoded(target), search.token())
    return exchange(gateway, method, path, headers)


def encoded(target: str) -> str:
    return quote(target, safe="/?&=$%()',:;+~!*@")


def exchange(gateway: Gateway, method: str, path: str, headers: list[str], body: str = "") -> bytes:
    """One request and all that came back."""
    length = [f"Content-Length: {len(body.encode())}"] if body else []
    lines = [f"{method} /v1.0/odata/{path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, *length, "", body]
    try:
        answer = ask(gateway.port, "\r\n".join(lines).encode(), timeout_s=20)
    except ConnectionError:
        return b""
    return answer.head + answer.body


def processes(gateway: Gateway, cluster: Cluster) -> bytes:
    """The command lines and titles of all that runs, as any user of the machine can read them, and what the gateway's environment holds."""
    pids = [gateway.process.pid, *(child.pid for child in psutil.Process(gateway.process.pid).children(recursive=True))]
    shown = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for pid in pids for name in ("cmdline", "environ"))
    assert b"serve" in shown and b"ODATA_DSN" in shown  # it is the gateway that was looked at
    for pid in backends(cluster):
        with suppress(OSError):  # it may have ended
            shown += Path(f"/proc/{pid}/cmdline").read_bytes()
    return shown


def shown_by_postgres(cluster: Cluster) -> bytes:
    return (cluster.psql("live_agent", "SELECT query FROM pg_stat_activity") + cluster.log()).encode()


def metrics() -> bytes:
    return ask(ADMIN_PORT, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", timeout_s=20).body


def test_t19_no_trace_of_a_token_after_errors_of_every_kind(gateway, logging_postgres, collector):
    search, returned = Search(), []
    for target in ERRORS:
        for way in WAYS:
            returned.append(send(gateway, way, target, search))
    for method, way in itertools.product(METHODS, WAYS):
        returned.append(send(gateway, way, "Message", search, method))
    for target, post in itertools.product(ERRORS[::3], POSTED.values()):
        path, headers, body = post(encoded(target), search.token())
        returned.append(exchange(gateway, "POST", path, headers, body))
    assert sum(answer.startswith(b"HTTP/1.1 200 ") for answer in returned) > 40  # batches, whose parts fail
    returned += unfinished(gateway, search)
    record("T19", "requests with a token, over errors", len(search.sent), how="sum", at_least=300)
    seen = {
        "answers": b"\n".join(returned), "log": gateway.log().encode(), "processes": processes(gateway, logging_postgres),
        "Postgres": shown_by_postgres(logging_postgres), "metrics": metrics(), "traces": collector.all(),
    }  # fmt: skip
    assert b"odata_requests_total" in seen["metrics"] and b"odata.request_id" in seen["traces"]
    found = {place: search.found_in(text) for place, text in seen.items()}
    record("T19", "traces of a token", sum(map(len, found.values())), how="sum", at_most=0)
    assert not any(found.values()), {place: tokens[:3] for place, tokens in found.items()}


def unfinished(gateway: Gateway, search: Search) -> list[bytes]:
    """Requests that are cut off, stand still, are too long, or are no HTTP."""
    token = search.token
    texts = (
        f"GET /v1.0/odata/Message?apikey={token()} HTTP/1.1\r\nHost: a\r\nX-Half: {token()}",
        f"GET /v1.0/odata/Message?apikey={token()}\r\n\r\n",
        f"{token()} /v1.0/odata/Message HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET {token()} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET /v1.0/odata/Message HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token()}\r\nbroken header {token()}\r\n\r\n",
        f"GET /v1.0/odata/Message HTTP/1.1\r\nHost: a\r\nX-Long: {token() * 2000}\r\n\r\n",
        f"GET /v1.0/odata/Message?apikey={token()}{'a' * 30000} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET /{token()} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"POST /v1.0/odata/$batch?apikey={token()} HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n{token()}",
        f"POST /v1.0/odata/$query?apikey={token()} HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{token()}",
        f"GET /v1.0/odata/Message?apikey={token()} HTTP/9.9\r\nHost: a\r\n\r\n",
        f"GET /v1.0/odata/Message HTTP/1.1\r\nHost: {token()} {token()}\r\n\r\n",
    )
    found = []
    for text in texts:
        try:
            answer = ask(gateway.port, text.encode(), timeout_s=20)
        except ConnectionError:
            continue
        found.append(answer.head + answer.body)
    return found


def test_t19_no_trace_of_a_token_when_the_database_dies_under_it(gateway, logging_postgres):
    """Exceptions nobody foresaw, with tracebacks: the lookup of a token is under way while its backend is killed, or there is none at all."""
    search, returned = Search(), []
    for _ in range(3):
        clients = []
        for way in WAYS:
            path, headers = WAYS[way]("Message", search.token())
            client = RawClient(gateway.port, timeout_s=20)
            client.send("\r\n".join([f"GET /v1.0/odata/{path} HTTP/1.1", "Host: a", "Connection: close", *headers, "", ""]).encode())
            clients.append(client)
        kill_backends(logging_postgres)
        for client in clients:
            with client:
                answer = client.finish()
                returned.append(answer.head + answer.raw)
        time.sleep(0.3)
    logging_postgres.stop(signal.SIGQUIT)
    returned += [send(gateway, way, "Message", search) for way in WAYS]
    logging_postgres.resume()
    wait_until(lambda: gateway.get("Label?$top=1").status == 200, 30)
    texts = (b"\n".join(returned), gateway.log().encode(), logging_postgres.log().encode())
    assert [search.found_in(text) for text in texts] == [[], [], []]


def test_t19_a_known_token_is_in_next_links_of_apikey_requests_only(gateway):
    by_option = gateway.get(f"Message?$top=5&apikey={gateway.tokens.ADMIN}", token=None, headers={"Prefer": "maxpagesize=2"})
    by_header = gateway.get("Message?$top=5", headers={"Prefer": "maxpagesize=2"})
    assert gateway.tokens.ADMIN in by_option.json()["@odata.nextLink"]
    assert by_option.body.count(gateway.tokens.ADMIN.encode()) == 1
    assert gateway.tokens.ADMIN.encode() not in by_header.body
    assert gateway.tokens.ADMIN not in gateway.log() + str(dict(by_option.headers)) + str(dict(by_header.headers))
    wait_until(lambda: "Message" in gateway.log(), 10)


def test_t19_postgres_would_log_tokens_were_it_not_for_the_role(logging_postgres):
    """The search above finds what it looks for: another role's parameters are in the log."""
    token = canary()
    logging_postgres.psql("live_agent", f"SELECT count(*) FROM access_tokens WHERE token = $1 \\bind {token} \\g")
    assert token in logging_postgres.log()
