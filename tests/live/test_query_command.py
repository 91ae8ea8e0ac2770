"""`odata-gateway query`: rows from the database itself and from a running service; its exit status tells what is whole from what is cut."""

from __future__ import annotations

import io
import json
import os
import pty
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import asyncpg
import openpyxl
import pytest
from odata_gateway.commands.output import Progress
from odata_gateway.commands.query import count_target
from tests.harness import tokens
from tests.harness.faults import wait_until
from tests.live.test_web_cli import ROOT, run

TARGET = "Message?$select=id,content"


@pytest.fixture
def breaking_service() -> Iterator[str]:
    """The URL of a service that closes the connection in the middle of its chunks."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/v1.0/odata/Message"
    server.close()


@pytest.fixture
def slow_service() -> Iterator[str]:
    """The URL of a service that never ends its answer."""
    server, gone = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            gone.wait(60)

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/v1.0/odata/Message"
    gone.set()
    server.close()


def test_rows_come_from_the_database_without_a_service(reader_dsn, gateway):
    done = run("query", TARGET, ODATA_DSN=reader_dsn)
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line) for line in done.stdout.split("\n")[:-1]] == [row for page in gateway.pages(TARGET) for row in page]


def test_the_name_of_the_file_says_the_format(reader_dsn, tmp_path):
    path = tmp_path / "messages.xlsx"
    assert run("query", f"{TARGET}&$top=3", "--output", str(path), ODATA_DSN=reader_dsn).returncode == 0
    assert openpyxl.load_workbook(io.BytesIO(path.read_bytes())).worksheets[0].max_row == 4
    assert [each.name for each in tmp_path.iterdir()] == ["messages.xlsx"]


def test_a_running_service_is_asked_by_its_url(gateway):
    done = run("query", f"{gateway.base_url}{TARGET}&$filter=id lt 20", "--format", "csv", GATEWAY_TOKEN=tokens.ADMIN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.encode() == gateway.get(f"{TARGET}&$filter=id lt 20&$format=csv").body.replace(b"\r\n", b"\n")


def test_documents_need_no_format_of_rows(reader_dsn, gateway):
    for target in ("", "$metadata", "openapi.json", "Message/$count", "Message(1)/id/$value"):
        plain = gateway.get(target, headers={"Accept": "*/*"}).body.replace(b"\r\n", b"\n")
        done = run("query", gateway.base_url + target, GATEWAY_TOKEN=tokens.ADMIN)
        assert (done.returncode, done.stderr, done.stdout.encode()) == (0, "", plain)
        done = run("query", target, ODATA_DSN=reader_dsn)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout


def test_two_formats_are_refused(reader_dsn, tmp_path):
    done = run("query", f"{TARGET}&$format=csv", "--format", "xlsx", "--output", str(tmp_path / "x"), ODATA_DSN=reader_dsn)
    assert done.returncode == 1 and "leave it or --format out" in done.stderr and not list(tmp_path.iterdir())


def test_a_dash_is_standard_output(reader_dsn):
    done = run("query", f"{TARGET}&$top=1", "--output", "-", ODATA_DSN=reader_dsn)
    assert done.returncode == 0 and json.loads(done.stdout)["id"] == 1


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("Message?$select=nope", "400 Bind.Name: $select at 0"),
        ("Inbox?$expand=messages&$format=csv", "406 Url.Format: $format: csv cannot show"),
    ],
)
def test_what_is_refused_says_why_and_leaves_no_file(reader_dsn, gateway, tmp_path, target, said):
    path = tmp_path / "rows.csv"
    for url, settings in ((target, {"ODATA_DSN": reader_dsn}), (gateway.base_url + target, {"GATEWAY_TOKEN": tokens.ADMIN})):
        done = run("query", url, "--output", str(path), **settings)
        assert done.returncode == 1 and said in done.stderr and not list(tmp_path.iterdir())


def test_an_answer_that_broke_off_is_no_file(breaking_service, tmp_path):
    done = run("query", breaking_service, "--output", str(tmp_path / "rows.csv"))
    assert (done.returncode, done.stderr) == (1, "odata-gateway: the answer broke off\n")
    assert not list(tmp_path.iterdir())


def test_a_service_that_is_not_there(tmp_path):
    done = run("query", "http://127.0.0.1:1/v1.0/odata/Message")
    assert done.returncode == 1 and "http://127.0.0.1:1/v1.0/odata/Message: " in done.stderr


def test_a_reader_that_goes_ends_it_quietly(reader_dsn):
    command = f"{sys.executable} -m odata_gateway query Message --format csv | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=os.environ | {"ODATA_DSN": reader_dsn}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 141 and done.stderr == "" and done.stdout.startswith('"id"')


def test_a_terminal_shows_a_table_and_else_how_far_the_rows_are(reader_dsn, tmp_path):
    for arguments, said in (
        (["query", f"{TARGET}&$top=3"], "3 rows"),
        (["query", TARGET, "--output", str(tmp_path / "x.csv")], "rows, 0."),
    ):
        parent, child = pty.openpty()
        command = [sys.executable, "-m", "odata_gateway", *arguments]
        environment = os.environ | {"ODATA_DSN": reader_dsn}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=child, stderr=child, timeout=60, check=False)
        os.close(child)
        shown = os.read(parent, 65536).decode()
        os.close(parent)
        assert done.returncode == 0 and said in shown


def test_a_running_service_tells_how_many_rows_are_left(gateway, tmp_path):
    """A terminal sees it; the number of all rows is asked for beside them."""
    path = tmp_path / "x.ndjson"
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "odata_gateway", "query", gateway.base_url + TARGET, "--output", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"GATEWAY_TOKEN": tokens.ADMIN}, stderr=child, timeout=60, check=False)
    os.close(child)
    number = len(path.read_bytes().splitlines())
    assert done.returncode == 0 and f"{number:,} rows, 0." in os.read(parent, 65536).decode()
    os.close(parent)


def test_the_rows_that_are_left_take_as_long_as_those_before():
    class Terminal:
        size, shows_progress = 2_000_000, True

    progress = Progress(Terminal(), lambda: 25, lambda: 100)
    assert progress._line(progress._started + 10) == "25 rows, 2.0 MB in 10 s, 30 s left"
    assert Progress(Terminal(), lambda: None, lambda: 100)._line(progress._started + 10).startswith("2.0 MB in")


@pytest.mark.parametrize(
    ("target", "counted"),
    [
        ("Message", "Message/$count?"),
        (
            "http://h/v1.0/odata/Message?$select=id&%24filter=id%20lt%203&$orderby=id",
            "http://h/v1.0/odata/Message/$count?$filter=id%20lt%203",
        ),
        ("Message?$top=5", None),
        ("Message?$apply=groupby((status))", None),
        ("Message(1)", None),
    ],
)
def test_what_asks_for_the_number_of_rows(target, counted):
    assert count_target(target) == counted


def test_ctrl_c_leaves_no_file(slow_service, tmp_path):
    command = [sys.executable, "-m", "odata_gateway", "query", slow_service, "--output", str(tmp_path / "rows.csv")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: list(tmp_path.iterdir()), 30)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == "" and process.returncode == 130 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
async def test_a_signal_leaves_the_file_that_was_there(slow_service, reader_dsn, dsn, tmp_path, name):
    """From a running service, and from the database, whose answer waits for a lock."""
    number = getattr(signal, name)
    path = tmp_path / "rows.csv"
    path.write_text("of yesterday")
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute("BEGIN; LOCK TABLE messages")
        for url in (slow_service, TARGET):
            command = [sys.executable, "-m", "odata_gateway", "query", url, "--output", str(path)]
            process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"ODATA_DSN": reader_dsn}, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: len(list(tmp_path.iterdir())) == 2, 30)
            process.send_signal(number)
            assert process.communicate(timeout=30)[1] == ""
            assert process.returncode == (130 if name == "SIGINT" else -number)
            assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"] and path.read_text() == "of yesterday"
    finally:
        await owner.close()


def test_a_signal_that_is_ignored_stays_ignored(reader_dsn, tmp_path):
    """As `nohup` has SIGHUP."""
    command = (
        f"trap '' HUP; {sys.executable} -m odata_gateway query '{TARGET}' --output '{tmp_path}/rows.csv' & sleep 0.3; kill -HUP $!; wait $!"
    )
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=os.environ | {"ODATA_DSN": reader_dsn}, timeout=60, check=False)
    assert done.returncode == 0 and [each.name for each in tmp_path.iterdir()] == ["rows.csv"]


def test_a_disk_that_is_full_in_the_middle_leaves_the_file_that_was_there(reader_dsn, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("of yesterday")
    path.chmod(0o600)
    command = [sys.executable, "-m", "odata_gateway", "query", TARGET, "--output", str(path)]
    for limit, said in (("ulimit -f 64; ", f"odata-gateway: {path}: File too large\n"), ("", "")):
        line = limit + shlex.join(command)
        done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=os.environ | {"ODATA_DSN": reader_dsn}, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (int(bool(limit)), said)
        assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"] and path.stat().st_mode & 0o777 == 0o600
        assert (path.read_text() == "of yesterday") == bool(limit)


@pytest.mark.parametrize("ask", ["database", "service"])
def test_a_full_disk_is_told_as_that(reader_dsn, gateway, ask):
    """Not as an answer that broke off."""
    url, settings = (
        (TARGET, {"ODATA_DSN": reader_dsn}) if ask == "database" else (gateway.base_url + TARGET, {"GATEWAY_TOKEN": tokens.ADMIN})
    )
    done = run("query", url, "--format", "csv", "--output", "/dev/full", **settings)
    assert (done.returncode, done.stderr) == (1, "odata-gateway: /dev/full: No space left on device\n")
    command = f"{sys.executable} -m odata_gateway query '{url}' --format csv > /dev/full"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "odata-gateway: the output: No space left on device\n")


def test_a_device_and_a_pipe_are_written_to_and_not_replaced(reader_dsn, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    done = run("query", f"{TARGET}&$top=2", "--format", "ndjson", "--output", str(pipe), ODATA_DSN=reader_dsn)
    reader.join(30)
    assert (done.returncode, done.stderr) == (0, "") and found[0].count(b"\n") == 2
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_a_link_leads_to_the_file_that_is_written(reader_dsn, tmp_path):
    (tmp_path / "rows.csv").symlink_to(tmp_path / "other.csv")
    assert run("query", f"{TARGET}&$top=2", "--output", str(tmp_path / "rows.csv"), ODATA_DSN=reader_dsn).returncode == 0
    assert (tmp_path / "rows.csv").is_symlink() and (tmp_path / "other.csv").read_bytes().startswith(b'"id"')


@pytest.mark.parametrize(("path", "said"), [("nope/rows.csv", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_made_is_told_before_anything_is_asked(tmp_path, path, said):
    done = run("query", "http://127.0.0.1:1/v1.0/odata/Message", "--output", str(tmp_path / path))
    assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:port/Message", "http://[::1/Message", "http:///Message", "http://" + "x" * 70 + "/Message"]
)
def test_a_url_that_leads_nowhere_is_told(url):
    done = run("query", url)
    assert done.returncode == 1 and done.stderr.startswith(f"odata-gateway: {url}: ") and done.stderr.count("\n") == 1, done.stderr


def test_without_a_database_it_says_what_is_missing():
    done = run("query", "Message")
    assert done.returncode == 2 and "ODATA_DSN" in done.stderr
