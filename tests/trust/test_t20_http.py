"""T20: bytes that two HTTP readers could understand in two ways. Never two answers for one request, never a fault of ours.

Each text of the corpus holds a first request and, where its framing is doubtful, a second one for `Smuggled` that a careless reader would
find in it. What follows the rules gets exactly as many answers as it has requests; what does not is refused once, and the connection ends.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from odata_gateway.demo import tokens
from tests.harness.faults import wait_until
from tests.harness.figures import record
from tests.harness.gateway import free_port

HOST, AUTH = b"Host: 127.0.0.1\r\n", b"Authorization: Bearer " + tokens.ADMIN.encode() + b"\r\n"
GET, POST = b"GET /v1.0/odata/Label?$top=1 HTTP/1.1\r\n", b"POST /v1.0/odata/$batch HTTP/1.1\r\n"
SECOND = b"GET /v1.0/odata/Smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PLAIN = GET + HOST + AUTH + b"\r\n"


def post(*headers: bytes, body: bytes = b"", line: bytes = POST) -> bytes:
    return line + HOST + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


REFUSED = {
    "content-length and chunked": post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SECOND),
    "chunked and content-length": post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n" + SECOND),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: %d" % len(SECOND), body=SECOND),
    "the same length twice": post(b"Content-Length: 0", b"Content-Length: 0", body=SECOND),
    "a list of lengths": post(b"Content-Length: 0, %d" % len(SECOND), body=SECOND),
    "a length with a sign": post(b"Content-Length: +0", body=SECOND),
    "a negative length": post(b"Content-Length: -1", body=SECOND),
    "a hexadecimal length": post(b"Content-Length: 0x0", body=SECOND),
    "a huge length": post(b"Content-Length: " + b"9" * 40, body=SECOND),
    "an empty length": post(b"Content-Length: ", body=SECOND),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SECOND),
    "chunked before identity": post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SECOND),
    "identity": post(b"Transfer-Encoding: identity", body=SECOND),
    "two codings": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + SECOND),
    "vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SECOND),
    "blank before the colon": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SECOND),
    "chunks in HTTP/1.0": post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SECOND, line=POST.replace(b"1.1", b"1.0")),
    "folded coding": post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n" + SECOND),
    "folded header": GET + HOST + AUTH + b"X: a\r\n b\r\n\r\n",
    "bare line feeds": b"GET /v1.0/odata/ HTTP/1.1\nHost: h\n\n" + SECOND,
    "a bare line feed": b"GET /v1.0/odata/ HTTP/1.1\r\nHost: h\nX: y\r\n\r\n" + SECOND,
    "a bare carriage return": b"GET /v1.0/odata/ HTTP/1.1\r\nHost: h\rX: y\r\n\r\n" + SECOND,
    "two hosts": GET + HOST + b"Host: other.example\r\n" + AUTH + b"\r\n",
    "the same host twice": GET + HOST + HOST + AUTH + b"\r\n",
    "no host": GET + AUTH + b"\r\n",
    "a header that begins with a blank": GET + b" X: y\r\n" + HOST + b"\r\n",
    "a header without a name": GET + HOST + b": y\r\n\r\n",
    "a header without a colon": GET + HOST + b"abc\r\n\r\n",
    "NUL in a value": GET + HOST + b"X: a\x00b\r\n\r\n",
    "NUL in a name": GET + HOST + b"X\x00: a\r\n\r\n",
    "NUL in the target": b"GET /v1.0/odata/\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "line feed in a chunk's extension": post(CHUNKED[:-2], body=b"5;a\nxx\r\nhello\r\n0\r\n\r\n" + SECOND),
    "no number for a chunk": post(CHUNKED[:-2], body=b"zz\r\nhello\r\n0\r\n\r\n" + SECOND),
    "a negative chunk": post(CHUNKED[:-2], body=b"-5\r\nhello\r\n0\r\n\r\n" + SECOND),
    "a chunk of 2^68": post(CHUNKED[:-2], body=b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n" + SECOND),
    "0x before a chunk's size": post(CHUNKED[:-2], body=b"0x5\r\nhello\r\n0\r\n\r\n" + SECOND),
    "chunks with line feeds": post(CHUNKED[:-2], body=b"5\nhello\n0\n\n" + SECOND),
    "a chunk longer than said": post(CHUNKED[:-2], body=b"5\r\nhelloXX0\r\n\r\n" + SECOND),
    "a header for framing in the trailers": post(CHUNKED[:-2], body=b"0\r\nHost: other.example\r\nContent-Length: 5\r\n\r\n"),
    "HTTP/0.9": b"GET /v1.0/odata/\r\n\r\n",
    "HTTP/1.2": b"GET /v1.0/odata/ HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2.0": b"GET /v1.0/odata/ HTTP/2.0\r\n" + HOST + b"\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in lower case": b"get /v1.0/odata/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown method": b"FOO /v1.0/odata/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "tabs in the request line": b"GET\t/v1.0/odata/\tHTTP/1.1\r\n" + HOST + b"\r\n",
    "authority form": b"GET other.example:80 HTTP/1.1\r\n" + HOST + AUTH + b"\r\n",
    "5,000 headers": GET + HOST + b"".join(b"X-%d: y\r\n" % number for number in range(5000)) + b"\r\n",
    "a header of 100 KB": GET + HOST + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
}
"""Answered with one refusal."""

ACCEPTED = {
    "plain": (PLAIN, [200]),
    "three in a row": (PLAIN * 3, [200] * 3),
    "a body on GET": (GET + HOST + AUTH + b"Content-Length: %d\r\n\r\n" % len(SECOND) + SECOND, [200]),
    "a body on GET in chunks": (GET + HOST + AUTH + CHUNKED + b"\r\n%x\r\n" % len(SECOND) + SECOND + b"\r\n0\r\n\r\n", [200]),
    "a body on GET, and a second request": (GET + HOST + AUTH + b"Content-Length: 3\r\n\r\nabc" + PLAIN, [200, 200]),
    "a body on HEAD": (b"HEAD /v1.0/odata/ HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(SECOND) + SECOND, [200]),
    "a body on OPTIONS": (b"OPTIONS /v1.0/odata/ HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(SECOND) + SECOND, [204]),
    "a body that is no gzip": (post(b"Content-Encoding: gzip", b"Content-Length: 5", body=b"abcde"), [415]),
    "a chunk with an extension": (post(CHUNKED[:-2], body=b"5;a=b\r\nhello\r\n0\r\n\r\n") + PLAIN, [415, 200]),
    "a tab before chunked": (post(b"Transfer-Encoding:\tchunked", body=b"0\r\n\r\n") + PLAIN, [415, 200]),
    "an expectation": (post(b"Expect: 100-continue", b"Content-Length: 2", body=b"{}"), [100, 415]),
    "an unknown expectation": (post(b"Expect: foo", b"Content-Length: 2", body=b"{}"), [415]),
    "an offer of websockets": (
        GET + HOST + AUTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n" + PLAIN, [200, 200]
    ),
    "an offer of HTTP/2": (GET + HOST + AUTH + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", [200]),
    "a target with two slashes": (b"GET //other.example/v1.0/odata/ HTTP/1.1\r\n" + HOST + AUTH + b"\r\n", [404]),
    "a target of another scheme": (b"GET ftp://127.0.0.1/v1.0/odata/ HTTP/1.1\r\n" + HOST + AUTH + b"\r\n", [404]),
    "a host that is none": (GET + b"Host: a b\r\n" + AUTH + b"\r\n", [400]),
    "a list of hosts": (GET + b"Host: a, b\r\n" + AUTH + b"\r\n", [400]),
    "empty lines before a request": (b"\r\n\r\n" + PLAIN, [200]),
    "the asterisk": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", [204]),
    "letters beyond ASCII in a value": (GET + HOST + AUTH + b"X: \xff\xfe\r\n\r\n", [200]),
}  # fmt: skip
"""The final answers in order, and 100 before them where it is due."""


def exchange(port: int, text: bytes, *, wait_s: float = 5.0, answers: int = 0) -> tuple[list[int], bytes, bool]:
    """Send bytes; the statuses that came, all bytes, and whether the connection was ended. Waits for the end, or for so many answers."""
    received, ended = b"", False
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        deadline = time.monotonic() + wait_s
        sock.sendall(text)
        while time.monotonic() < deadline and not (answers and len(_statuses(received)) >= answers and _is_quiet(sock)):
            sock.settimeout(max(0.05, min(0.5, deadline - time.monotonic())))
            try:
                piece = sock.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                piece = b""
            if not piece:
                ended = True
                break
            received += piece
    return _statuses(received), received, ended


def _is_quiet(sock: socket.socket) -> bool:
    """Whether nothing more comes for a moment."""
    sock.settimeout(0.1)
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except TimeoutError:
        return True
    except ConnectionError:
        return True


def _statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", received)]


# --- Direct -------------------------------------------------------------------------------------------------------------------


def test_t20_doubtful_requests_are_refused_once(gateway):
    wrong = {}
    for name, text in REFUSED.items():
        statuses, _, ended = exchange(gateway.port, text)
        if len(statuses) != 1 or not 400 <= statuses[0] < 500 or not ended:
            wrong[name] = (statuses, ended)
    assert not wrong
    assert "Smuggled" not in gateway.log()
    record("T20", "doubtful requests sent", len(REFUSED), how="sum")


def test_t20_lawful_requests_are_answered_once_each(gateway):
    wrong = {}
    for name, (text, expected) in ACCEPTED.items():
        statuses, _, _ = exchange(gateway.port, text, answers=len(expected))
        if statuses != expected and statuses != [status for status in expected if status != 100]:
            wrong[name] = statuses
    assert not wrong
    assert "Smuggled" not in gateway.log()


def test_t20_a_body_that_breaks_the_rules_later_or_breaks_off_is_no_fault_of_ours(gateways, reader_dsn):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_READ_TIMEOUT_S="1")
    for late in (b"zz\r\n" + SECOND, b"-1\r\n\r\n" + SECOND, b"3\r\nabcXX" + SECOND):
        with socket.create_connection(("127.0.0.1", gateway.port), 10) as sock:
            sock.sendall(post(CHUNKED[:-2], body=b"3\r\nabc\r\n"))
            time.sleep(0.1)
            sock.sendall(late)
            statuses = _statuses(b"".join(iter(lambda: sock.recv(65536), b"")))
            assert len(statuses) == 1 and statuses[0] in (400, 408), (late, statuses)
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as sock:
        sock.sendall(post(b"Content-Length: 100", body=b"abc"))
    assert gateway.get("Label?$top=1").status == 200
    assert " 500 " not in gateway.log() and "Traceback" not in gateway.log() and "Smuggled" not in gateway.log()


def test_t20_the_authority_of_an_absolute_target_is_the_host(gateway):
    for target, host, expected in (
        (b"http://other.example:81/v1.0/odata/Label", b"127.0.0.1", b"http://other.example:81/v1.0/odata/$metadata"),
        (b"HTTP://other.example/v1.0/odata/Label", b"", b"http://other.example/v1.0/odata/$metadata"),
    ):
        request = b"GET " + target + b"?$top=1 HTTP/1.1\r\nHost: " + host + b"\r\n" + AUTH + b"\r\n"
        assert expected in exchange(gateway.port, request, answers=1)[1]
    for target in (
        b"http://user@other.example/v1.0/odata/Label",
        b"http:///v1.0/odata/Label?$top=1&x=a b",
        b"http://a%2fb/v1.0/odata/Label",
    ):
        statuses, received, _ = exchange(gateway.port, b"GET " + target + b" HTTP/1.1\r\n" + HOST + AUTH + b"\r\n", answers=1)
        assert statuses == [400] and b"user@" not in received


@pytest.mark.parametrize(("trusted", "believed"), [("127.0.0.0/8", True), ("10.0.0.0/8", False), ("none", False)])
def test_t20_forwarded_headers_are_believed_as_configured(gateways, reader_dsn, trusted, believed):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_TRUSTED_PROXIES=trusted)
    headers = {
        "X-Forwarded-Host": "odata.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/p",
        "Forwarded": "host=evil.example",
    }
    url = gateway.get("Label?$top=1", headers=headers).json()["@odata.context"]
    assert url.startswith("https://odata.example/p/v1.0/" if believed else f"http://127.0.0.1:{gateway.port}/v1.0/")
    fixed = gateways(ODATA_DSN=reader_dsn, ODATA_TRUSTED_PROXIES=trusted, ODATA_PUBLIC_URL="https://public.example/x")
    for sent in (headers, {"Host": "evil.example"}):
        assert fixed.get("Label?$top=1", headers=sent).json()["@odata.context"].startswith("https://public.example/x/v1.0/odata/")


# --- Behind nginx -------------------------------------------------------------------------------------------------------------

CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
    log_format ids '$request_id $status "$request"';
    access_log {folder}/access.log ids;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    upstream gateway {{ server 127.0.0.1:{gateway}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off;
            proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Request-Id $request_id;
        }}
    }}
}}
"""


@pytest.fixture
def nginx(gateways, reader_dsn, tmp_path):
    """A gateway, and nginx before it as deploy/nginx.conf has it: its port, and the lines of its log. Connections to the gateway are used again."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert program, "nginx is not installed; on Debian: apt-get install nginx-light"
    behind, port = gateways(ODATA_DSN=reader_dsn), free_port()
    user = "user root;" if Path("/proc/self").stat().st_uid == 0 else ""
    path = tmp_path / "nginx.conf"
    path.write_text(CONFIGURATION.format(folder=tmp_path, gateway=behind.port, port=port, user=user))
    process = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(path), "-e", str(tmp_path / "error.log")], stdin=subprocess.DEVNULL)
    wait_until((tmp_path / "pid").exists, 20)
    yield behind, port, tmp_path / "access.log"
    process.terminate()
    process.wait(20)


def test_t20_behind_nginx_each_request_is_one_request(nginx):
    """Each request that reached the gateway is one that nginx passed on, once; and no answer is a fault of ours."""
    behind, port, log = nginx
    wrong = {}
    for name, text, most in [(name, text, 1) for name, text in REFUSED.items()] + [(n, text, len(e)) for n, (text, e) in ACCEPTED.items()]:
        statuses, _, _ = exchange(port, text, wait_s=1.5, answers=most)
        if any(status in (500, 502, 503, 504) for status in statuses):
            wrong[name] = statuses
        assert exchange(port, PLAIN, answers=1)[0] == [200], name  # nobody gets what was meant for another
    assert not wrong
    time.sleep(0.5)
    passed_on = {line.split()[0] for line in log.read_text().splitlines()}
    reached = re.findall(r" (\d{3}) \d+B .* id=(\S+)", behind.log())
    ids = [request_id for _, request_id in reached]
    assert len(ids) > len(REFUSED) and set(ids) - {"-"} <= passed_on and len(set(ids)) == len(ids)
    assert {status for status, _ in reached} <= {"200", "204", "400", "401", "404", "405", "415", "499", "501"}
