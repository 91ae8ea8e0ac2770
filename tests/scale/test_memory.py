"""The servers of a cluster keep the memory of chunks: an export does not ask the system for it again and again."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from tests.harness import tokens
from tests.harness.gateway import start_gateway

_MINOR_FAULTS = 7
"""In /proc/PID/stat, behind the name: see proc_pid_stat(5)."""
MOST_FAULTS = 200
"""A megabyte of the answer. Without what is tested here there are 1,200 to 1,800, and with it less than 10."""


def faults(citus) -> int:
    """Pages of memory that the server processes of all nodes have got so far."""
    found = 0
    for node in (citus.coordinator, *citus.workers):
        for process in psutil.Process(node.pid).children():
            found += int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[_MINOR_FAULTS])
    return found


@pytest.mark.parametrize("token", [tokens.ADMIN, tokens.BOTH_ADMIN], ids=["one account", "two accounts"])
@pytest.mark.parametrize("target", ["Message", "Message?$orderby=created_at"])
def test_an_export_is_made_in_memory_that_the_servers_have(citus, token, target):
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_POOL_MAX="2", ODATA_MODEL_CHECK_S="0") as gateway:
        for _ in range(3):
            gateway.get(target, token=token)
        before = faults(citus)
        size = sum(len(gateway.get(target, token=token).body) for _ in range(5))
        assert size > 5e6
        assert (faults(citus) - before) / size * 1e6 < MOST_FAULTS
