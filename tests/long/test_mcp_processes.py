"""`odata-gateway mcp`: messages side by side, and every way in which such a process ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import textwrap

import asyncpg
import pytest
from tests.harness.agent import start_mcp
from tests.harness.gateway import ROOT
from tests.harness.loads import make_slow
from tests.harness.tokens import ADMIN

RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'"
SLOW = {"name": "query", "arguments": {"set": "Label", "top": 1}}


def message(number, method, **params):
    found = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(found if number is None else {**found, "id": number}).encode() + b"\n"


@pytest.fixture
async def watcher(scratch_dsn):
    connection = await asyncpg.connect(scratch_dsn)
    yield connection
    await connection.close()


async def runs(watcher, database, number):
    async with asyncio.timeout(60):
        while await watcher.fetchval(RUNNING, database) != number:
            await asyncio.sleep(0.02)


async def answer(process):
    return json.loads(await asyncio.wait_for(process.stdout.readline(), 20))


async def test_a_long_query_delays_no_other_and_ends_when_it_is_cancelled(cluster, scratch, scratch_reader_dsn, watcher):
    make_slow(cluster, scratch, 60)
    process = await start_mcp(scratch_reader_dsn)
    process.stdin.write(message(1, "tools/call", **SLOW) + message("1", "ping"))
    assert (await answer(process))["id"] == "1"
    await runs(watcher, scratch, 1)
    for unknown in ([], {}, None, 2, "1", "x" * 1000):
        process.stdin.write(message(None, "notifications/cancelled", requestId=unknown))
    process.stdin.write(message(None, "notifications/cancelled") + message(2, "ping"))
    assert (await answer(process))["id"] == 2
    assert await watcher.fetchval(RUNNING, scratch) == 1
    process.stdin.write(message(None, "notifications/cancelled", requestId=1))
    await runs(watcher, scratch, 0)
    process.stdin.write(message(3, "ping"))
    assert (await answer(process))["id"] == 3, "what was cancelled has no answer"
    process.stdin.close()
    assert await process.wait() == 0


async def test_messages_before_the_end_are_answered(cluster, scratch, scratch_reader_dsn):
    make_slow(cluster, scratch, 0.5)
    process = await start_mcp(scratch_reader_dsn)
    answers, _ = await asyncio.wait_for(process.communicate(message(1, "tools/call", **SLOW) + message(2, "ping").rstrip()), 60)
    assert [json.loads(line)["id"] for line in answers.splitlines()] == [2, 1] and process.returncode == 0


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "nobody reads", "killed client"])
async def test_a_process_ends_with_the_queries_that_run(cluster, scratch, scratch_reader_dsn, watcher, how):
    make_slow(cluster, scratch, 60)
    if how == "killed client":
        process, number = await client_of_its_own(scratch_reader_dsn)
        await runs(watcher, scratch, 1)
        process.kill()
        await process.wait()
        async with asyncio.timeout(60):
            while is_alive(number):
                await asyncio.sleep(0.02)
        return
    process = await start_mcp(scratch_reader_dsn)
    process.stdin.write(message(1, "tools/call", **SLOW))
    await runs(watcher, scratch, 1)
    if how == "nobody reads":
        process._transport.get_pipe_transport(1).close()
        process.stdin.write(message(2, "ping"))
        status = 0
    else:
        process.send_signal(signal.Signals[how])
        status = {"SIGTERM": 0, "SIGINT": 130}[how]
    assert await asyncio.wait_for(process.wait(), 30) == status
    await runs(watcher, scratch, 0)


CLIENT = """
import subprocess, sys, time
process = subprocess.Popen([sys.executable, "-m", "odata_gateway", "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
process.stdin.write(sys.argv[1].encode())
process.stdin.flush()
print(process.pid, flush=True)
time.sleep(60)
"""


async def client_of_its_own(dsn):
    """A client that can be killed, and the number of the process that it has started."""
    environment = {"ODATA_DSN": dsn, "ODATA_MCP_TOKEN": ADMIN, "ODATA_STATEMENT_TIMEOUT_S": "3", "PATH": os.environ["PATH"]}
    arguments = ("-c", CLIENT, message(1, "tools/call", **SLOW).decode())
    streams = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment, cwd=ROOT, **streams)
    return process, int(await process.stdout.readline())


def is_alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


PING = message(1, "ping")


async def closed_input(process):
    process.stdin.close()


async def half_a_line(process):
    process.stdin.write(PING[:20])
    process.stdin.close()


async def closed_output(process):
    """Nothing is sent: the process sees that nobody would read."""
    process._transport.get_pipe_transport(1).close()


async def closed_output_then_input(process):
    process._transport.get_pipe_transport(1).close()
    process.stdin.write(PING * 3)
    process.stdin.close()


@pytest.mark.parametrize("leave", [closed_input, half_a_line, closed_output, closed_output_then_input], ids=lambda each: each.__name__)
@pytest.mark.parametrize("is_away", [False, True], ids=["database", "no database"])
async def test_a_process_ends_when_its_client_leaves(own_cluster, leave, is_away):
    cluster = own_cluster()
    cluster.load()
    process = await start_mcp(cluster.dsn(user="odata_reader"))
    process.stdin.write(PING)
    assert (await answer(process))["result"] == {}
    if is_away:
        cluster.stop(signal.SIGKILL)
    await leave(process)
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_a_client_that_leaves_while_a_query_runs_ends_it(cluster, scratch, scratch_reader_dsn, watcher):
    """Standard input may end first, after which its messages are still to be answered."""
    make_slow(cluster, scratch, 60)
    process = await start_mcp(scratch_reader_dsn)
    process.stdin.write(message(1, "tools/call", **SLOW))
    await runs(watcher, scratch, 1)
    process.stdin.close()
    await asyncio.sleep(0.2)
    process._transport.get_pipe_transport(1).close()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    await runs(watcher, scratch, 0)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
async def test_what_is_closed_at_the_start_is_taken_by_no_connection(reader_dsn, closed):
    environment = {"ODATA_DSN": reader_dsn, "ODATA_MCP_TOKEN": ADMIN, "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'exec "$0" -m odata_gateway mcp {closed}', sys.executable),
        env=environment,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    answers, _ = await asyncio.wait_for(process.communicate(PING), 60)
    assert process.returncode == 0
    assert [json.loads(line)["result"] for line in answers.splitlines()] == ([{}] if closed == "2>&-" else [])


async def test_a_client_that_is_slow_to_read_holds_up_no_other_answer_and_no_signal(reader_dsn):
    process = await start_mcp(reader_dsn)
    process.stdin.write(message(1, "tools/list") * 200)
    async with asyncio.timeout(30):
        while not process.stdout._paused:
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        while process.returncode is None:
            await asyncio.sleep(0.02)
    assert process.returncode == 0


async def test_sockets_that_do_not_block_are_standard_input_and_output_as_well(reader_dsn):
    """As Node makes them; of one that is full, the rest is written later."""
    (own, theirs), number = socket.socketpair(), 300
    own.setblocking(False)
    theirs.setblocking(False)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "odata_gateway", "mcp"),
        env={"ODATA_DSN": reader_dsn, "ODATA_MCP_TOKEN": ADMIN, "PATH": os.environ["PATH"]},
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=asyncio.subprocess.DEVNULL,
    )
    theirs.close()
    reader, writer = await asyncio.open_connection(sock=own, limit=2**20)
    writer.write(message(1, "tools/list") * number)
    lines = [await asyncio.wait_for(reader.readline(), 60) for _ in range(number)]
    assert {json.loads(line)["id"] for line in lines} == {1}
    writer.close()
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_standard_input_may_be_a_file_and_standard_output_has_nothing_but_messages(reader_dsn, tmp_path):
    text = tmp_path / "messages"
    text.write_bytes(message(1, "ping") + b"\n\n" + message(2, "tools/list"))
    program = textwrap.dedent(
        """
        import os, runpy, sys
        sys.argv[1:] = ["mcp"]
        import odata_gateway.server.stdio as stdio
        before = stdio.McpServer.respond
        async def respond(*arguments):
            print("printed by a library", flush=True)
            os.write(1, b"written by another")
            return await before(*arguments)
        stdio.McpServer.respond = respond
        runpy.run_module("odata_gateway", run_name="__main__")
        """
    )
    with text.open("rb") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program),
            env={"ODATA_DSN": reader_dsn, "ODATA_MCP_TOKEN": ADMIN, "PATH": os.environ["PATH"]},
            cwd=ROOT,
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        answers, errors = await asyncio.wait_for(process.communicate(), 60)
    assert sorted(json.loads(line)["id"] for line in answers.splitlines()) == [1, 2] and process.returncode == 0
    assert b"printed by a library" in errors and b"written by another" in errors
