"""The HTTP side of the running program: what every answer has, refusals, deadlines, secrets, beginning and ending."""

import gzip
import http.client
import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.harness.gateway import free_port, start_gateway

ROOT = "/v1.0/odata/"


def raw(gateway, text, *, then=b"", timeout=20.0):
    """Send bytes as they are, `then` more, and read until the other side closes; (answer, seconds, whether the connection was reset)."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=timeout) as connection:
        connection.sendall(text)
        if then:
            time.sleep(0.2)
            connection.sendall(then)
        answer, reset = b"", False
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            reset = True
    return answer, time.monotonic() - started, reset


def header_list(gateway, path, headers=None, method="GET"):
    """Status and all header pairs, repeated ones included."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        return response.status, [(name.lower(), value) for name, value in response.getheaders()]
    finally:
        connection.close()


def is_error(reply, status, prefix):
    error = reply.json()["error"]
    assert (reply.status, error["code"].partition(".")[0]) == (status, prefix), reply.body
    assert error["message"] and reply.headers["content-type"] == "application/json" and reply.headers["content-language"] == "en"
    return error


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", ROOT, 200),
        ("GET", ROOT + "$metadata", 200),
        ("GET", ROOT + "Nope", 404),
        ("GET", ROOT + "Message?$filter=", 400),
        ("GET", ROOT + "Message", 401),
        ("POST", ROOT + "Message", 405),
        ("GET", "/v9.9/odata/Message", 404),
        ("GET", "/", 404),
        ("OPTIONS", ROOT + "Message", 204),
        ("GET", "/health/readiness", 200),
    ],
)
def test_every_answer_has_one_version_and_says_what_it_varies_by(gateway, method, path, status):
    headers = {} if status == 401 else {"Authorization": f"Bearer {gateway.tokens.ADMIN}"}
    found, pairs = header_list(gateway, path, headers, method)
    assert found == status
    assert [value for name, value in pairs if name == "odata-version"] == ["4.0"]
    vary = [value for name, value in pairs if name == "vary"]
    assert len(vary) == 1 and {"accept", "odata-maxversion"} <= {name.strip().lower() for name in vary[0].split(",")}
    assert [value for name, value in pairs if name == "server"] == ["odata-gateway"]
    assert [value for name, value in pairs if name == "access-control-allow-origin"] == ["*"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"])
def test_writing_is_405_with_allow(gateway, method):
    for path in ("Message", "Message(1)", "Message(1)/conversation/$ref", ""):
        reply = gateway.ask(method, ROOT + path, {"Authorization": f"Bearer {gateway.tokens.ADMIN}"}, b"{}" if method != "TRACE" else None)
        is_error(reply, 405, "Url")
        assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["$batch", "$batch/", "%24batch", "Message/$query"])
def test_reading_a_post_only_resource_is_405(gateway, path):
    for method in ("GET", "HEAD"):
        reply = gateway.ask(method, ROOT + path)
        assert (reply.status, reply.headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize("path", ["/", "/v1.0", "/v1.0/odatax", "/v9.9/odata/Message", "/v1.0/ODATA/", "//v1.0/odata/", "/health/x"])
def test_paths_outside_the_service_are_404(gateway, path):
    is_error(gateway.ask("GET", path), 404, "Bind")


@pytest.mark.parametrize("check", ["", "/liveness", "/readiness", "/startup"])
def test_health_needs_no_token(gateway, check):
    reply = gateway.ask("GET", "/health" + check)
    assert (reply.status, reply.json()) == (200, {"status": "up"})


def test_preflight_needs_no_token(gateway):
    headers = {
        "Origin": "https://dash.example.com",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,sap-x",
    }
    reply = gateway.ask("OPTIONS", ROOT + "Label", headers)
    assert (reply.status, reply.body, reply.headers["access-control-allow-origin"]) == (204, b"", "*")
    assert {"authorization", "odata-maxversion", "prefer", "content-type", "sap-x"} <= {
        name.strip().lower() for name in reply.headers["access-control-allow-headers"].split(",")
    }
    assert "OData-Version" in reply.headers["access-control-expose-headers"]


def test_head_has_the_headers_of_get_and_no_body(gateway):
    for path in (ROOT, ROOT + "$metadata", ROOT + "Message?$top=1", ROOT + "Message/$count"):
        headers = {"Authorization": f"Bearer {gateway.tokens.ADMIN}"}
        got, head = gateway.ask("GET", path, headers), gateway.ask("HEAD", path, headers)
        assert (head.status, head.body) == (got.status, b"")
        assert head.headers["content-type"] == got.headers["content-type"]


def test_compressed_answer_is_the_same(gateway):
    headers = {"Authorization": f"Bearer {gateway.tokens.ADMIN}"}
    plain = gateway.ask("GET", ROOT + "Message?$top=500", headers)
    packed = gateway.ask("GET", ROOT + "Message?$top=500", {**headers, "Accept-Encoding": "deflate, gzip;q=0.5"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)


def test_target_reaches_the_service_as_it_was_sent(gateway):
    for filter_text in ("title%20eq%20%27a%2Fb%2520%2B%27", "title+eq+'a/b%2520%2b'"):
        reply = gateway.ask("GET", f"{ROOT}Label?$filter={filter_text}&$count=true&apikey={gateway.tokens.ADMIN}")
        assert (reply.status, reply.json()["@odata.count"]) == (200, 0)


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "odata.example.com"}, "https://odata.example.com"),
        ({"X-Forwarded-Proto": "https", "Host": "odata.example.com:80"}, "https://odata.example.com"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443", "X-Forwarded-Prefix": "/a", "Host": "h"}, "https://h:8443/a"),
        ({"Host": "odata.example.com:3001"}, "http://odata.example.com:3001"),
    ],
)
def test_links_begin_with_the_url_the_client_used(gateway, headers, root):
    page = gateway.ask("GET", f"{ROOT}Message?apikey={gateway.tokens.ADMIN}", headers).json()
    assert page["@odata.context"].startswith(f"{root}{ROOT}$metadata#")
    assert page["@odata.nextLink"].startswith(f"{root}{ROOT}Message?")


def test_host_that_cannot_stand_in_a_link_is_refused(gateway):
    is_error(gateway.ask("GET", ROOT, {"Host": "a/b"}), 400, "Url")


# --- Who asks -----------------------------------------------------------------------------------------------------------------


def test_refused_credentials_are_asked_for(gateway):
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer nobody"}, {"Authorization": "Negotiate x"}):
        status, pairs = header_list(gateway, ROOT + "Message", headers)
        schemes = [value.partition(" ")[0] for name, value in pairs if name == "www-authenticate"]
        assert (status, schemes) == (401, ["Bearer", "Basic"])


def test_empty_bearer_is_401_on_public_documents_too(gateway):
    assert gateway.ask("GET", ROOT, {"Authorization": "Bearer "}).status == 401


def test_secrets_are_in_no_log_line(gateways, reader_dsn):
    with gateways(ODATA_DSN=reader_dsn, ODATA_LOG_LEVEL="debug") as gateway:
        token = gateway.tokens.ADMIN
        gateway.get(f"Message?$top=1&apikey={token}", token=None)
        gateway.get("Message?$top=1")
        gateway.get(f"Message?$filter=%%&apikey={token}", token=None)
        gateway.ask("POST", f"{ROOT}$batch?apikey={token}", {}, token.encode())
        raw(gateway, f"GET /{token} {token}\r\n\r\n".encode())
        raw(gateway, f"GET {ROOT}?apikey={token}{'x' * 40000} HTTP/1.1\r\n\r\n".encode())
        gateway.stop()
        assert "[$top,apikey] 200" in gateway.log()
        assert token not in gateway.log()


# --- Limits and deadlines -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [17_000, 40_000, 300_000])
def test_long_url_is_an_odata_error(gateway, length):
    url = f"{ROOT}Label?apikey={gateway.tokens.ADMIN}&x={'a' * length}"
    answer, _, _ = raw(gateway, f"GET {url} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"414" and json.loads(body)["error"]["code"] == "Limit.Url"
    assert head.count(b"OData-Version: 4.0") == 1


def test_url_of_16_kilobytes_is_read(gateway):
    assert gateway.get("Label?$top=1&x=" + "a" * 16_000).status == 200


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_an_odata_error(gateway, text):
    head, _, body = raw(gateway, text)[0].partition(b"\r\n\r\n")
    assert head.split()[1] == b"400" and json.loads(body)["error"]["code"] == "Url.Syntax"


def test_half_sent_requests_have_a_deadline(gateways, reader_dsn):
    with gateways(ODATA_DSN=reader_dsn, ODATA_READ_TIMEOUT_S="0.5") as gateway:
        answer, seconds, _ = raw(gateway, b"GET /v1.0/odata/ HTTP/1.1\r\nHost:")
        assert answer == b"" and 0.3 < seconds < 30
        answer, seconds, _ = raw(gateway, b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n", then=b"GET /he")
        assert answer.count(b"HTTP/1.1") == 1 and seconds < 30
        answer, seconds, _ = raw(
            gateway, b"POST /v1.0/odata/$batch HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc"
        )
        assert answer.split()[1] == b"408" and seconds < 30


def test_long_body_is_refused_before_it_is_read(gateways, reader_dsn):
    with gateways(ODATA_DSN=reader_dsn, ODATA_MAX_BODY_BYTES="100") as gateway:
        is_error(gateway.ask("POST", ROOT + "$batch", {}, b"x" * 101), 413, "Limit")
        chunks = (
            b"POST /v1.0/odata/$batch HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n65\r\n"
            + b"x" * 101
            + b"\r\n0\r\n\r\n"
        )
        assert raw(gateway, chunks)[0].split()[1] == b"413"


def test_client_that_stops_reading_is_cut_off(gateways, reader_dsn):
    with gateways(ODATA_DSN=reader_dsn, ODATA_SEND_TIMEOUT_S="0.5") as gateway, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        client.sendall(f"GET {ROOT}Message?$expand=conversation&apikey={gateway.tokens.ADMIN} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        deadline = time.monotonic() + 15
        while "client stopped reading" not in gateway.log() and time.monotonic() < deadline:
            time.sleep(0.1)
        received = b""
        with pytest.raises(ConnectionResetError):
            while part := client.recv(65536):
                received += part
        assert not received.endswith(b"0\r\n\r\n")


def test_answer_that_fails_in_the_middle_ends_with_a_reset(gateways, own_cluster):
    cluster = own_cluster(tcp=True)
    cluster.load()
    with gateways(ODATA_DSN=cluster.dsn(user="odata_reader")) as gateway, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        client.sendall(f"GET {ROOT}Message?$expand=conversation&apikey={gateway.tokens.ADMIN} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        received = client.recv(100)
        assert received.startswith(b"HTTP/1.1 200")
        cluster.stop(signal.SIGQUIT)
        with pytest.raises(ConnectionResetError):
            while part := client.recv(65536):
                received += part
        assert not received.endswith(b"0\r\n\r\n") and not received.rstrip().endswith(b"]}")
        assert gateway.log().count("in the middle of an answer") == 1


def test_http_1_0_gets_a_length(gateway):
    head, _, body = raw(gateway, f"GET {ROOT}Message?$top=300&apikey={gateway.tokens.ADMIN} HTTP/1.0\r\nHost: h\r\n\r\n".encode())[
        0
    ].partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head.lower() and b"chunked" not in head.lower()
    assert len(json.loads(body)["value"]) == 300


def test_many_requests_at_once(gateway):
    with ThreadPoolExecutor(24) as pool:
        statuses = list(pool.map(lambda number: gateway.get(f"Message?$top=1&$skip={number}").status, range(96)))
    assert statuses == [200] * 96


# --- Beginning and ending -----------------------------------------------------------------------------------------------------


def test_mistakes_in_settings_end_the_start():
    gateway = start_gateway(wait_for="", ODATA_PAGE_ROWS="x", ODATA_PORTS="1")
    assert gateway.process.wait(15) == 2
    assert "ODATA_PORTS is unknown; did you mean ODATA_PORT?" in gateway.log() and "ODATA_PAGE_ROWS" in gateway.log()


def test_missing_dsn_ends_the_start():
    gateway = start_gateway(wait_for="")
    assert gateway.process.wait(15) == 2 and "ODATA_DSN" in gateway.log()


def test_taken_port_ends_the_start(gateway, reader_dsn):
    second = start_gateway(wait_for="", ODATA_DSN=reader_dsn, ODATA_PORT=str(gateway.port))
    assert second.process.wait(15) == 1 and "Traceback" not in second.log()


def test_gateway_starts_without_its_database_and_finds_it(gateways, own_cluster):
    cluster = own_cluster(tcp=True)
    cluster.load()
    cluster.stop()
    with gateways(ODATA_DSN=cluster.dsn(user="odata_reader"), wait_for="/health/liveness") as gateway:
        assert gateway.ask("GET", "/health/startup").status == 200
        is_ready = gateway.ask("GET", "/health/readiness")
        assert (is_ready.status, gateway.get("").status) == (503, 200)
        reply = gateway.get("Message?$top=1")
        is_error(reply, 503, "Db")
        assert 1 <= int(reply.headers["retry-after"]) <= 120
        cluster.resume()
        deadline = time.monotonic() + 15
        while gateway.get("Message?$top=1").status != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert gateway.get("Message?$top=1").status == 200


def test_sigterm_drains_and_exits_with_0(gateways, reader_dsn):
    with gateways(ODATA_DSN=reader_dsn) as gateway:
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(gateway.get, "Message?$expand=conversation($expand=messages($top=20))")
            time.sleep(0.05)
            assert gateway.stop() == 0
            reply = running.result()
        assert reply.status == 200 and reply.json()["value"]


def test_several_processes_share_the_port(gateways, reader_dsn):
    with gateways(ODATA_DSN=reader_dsn, ODATA_WORKERS="2") as gateway:
        deadline = time.monotonic() + 15
        while gateway.log().count("listening on") < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert {gateway.get("Label?$top=1").status for _ in range(20)} == {200}
        assert gateway.stop() == 0
        assert gateway.log().count("requests are running") == 2


def test_admin_port_answers_health_only(gateways, reader_dsn):
    port = free_port()
    with gateways(ODATA_DSN=reader_dsn, ODATA_ADMIN_PORT=str(port)):
        for path, status in (("/health/readiness", 200), (ROOT, 404)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            assert connection.getresponse().status == status
            connection.close()
