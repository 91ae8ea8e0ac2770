"""In the place of the original service in Live Agent's chart: its variables, its ports and the paths of its probes, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from odata_gateway.demo import tokens
from tests.harness.cluster import READER
from tests.harness.faults import wait_until
from tests.harness.gateway import ROOT, Gateway, free_port

PROBES = {
    "liveness": ("/health",),  # of the chart's first versions, on a port of its own
    "main": ("/health/liveness", "/health/startup"),  # of the later ones
    "metrics": ("/metrics",),
}


@pytest.fixture(scope="module")
def ports():
    return {name: free_port() for name in PROBES}


@pytest.fixture(scope="module")
def charted(cluster, ports):
    """The program with the chart's variables and no others."""
    variables = {
        "PORT": str(ports["main"]),
        "LIVENESS_PORT": str(ports["liveness"]),
        "METRICS_PORT": str(ports["metrics"]),
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(cluster.port),
        "POSTGRES_USERNAME": READER,
        "POSTGRES_PASSWORD": "p@ss/word with blanks",
        "POSTGRES_DB": "live_agent",
        "POSTGRES_SSL_MODE": "disable",
        "ODATA_PROTOCOL": "https",
        "APP_VERSION": "4.56.0",
        "NODE_ENV": "production",
        "LS_DETECT_K8S": "true",
    }
    handle, name = tempfile.mkstemp(prefix="odata-gateway-", suffix=".log")
    with os.fdopen(handle, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "odata_gateway", "serve"], cwd=ROOT, env={"PATH": os.environ["PATH"]} | variables,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    with Gateway(process, ports["main"], Path(name)) as gateway:
        wait_until(lambda: is_ready(gateway), 60)
        yield gateway


def is_ready(gateway):
    assert gateway.process.poll() is None, gateway.log()
    try:
        return gateway.ask("GET", "/health/readiness").status == 200
    except OSError:
        return False


@pytest.mark.parametrize(("port", "path"), [(port, path) for port, paths in PROBES.items() for path in paths])
def test_probes_are_answered(charted, ports, port, path):
    asked = Gateway(charted.process, ports[port], Path(os.devnull))
    assert asked.ask("GET", path).status == 200


def test_data_is_answered_with_links_of_the_charts_scheme(charted):
    reply = charted.ask(
        "GET", "/v1.0/odata/Message?$top=2&$select=id", {"Host": "odata-live-agent.example.com", "Authorization": f"Bearer {tokens.ADMIN}"}
    )
    assert (reply.status, len(reply.rows)) == (200, 2)
    assert reply.json()["@odata.context"].startswith("https://odata-live-agent.example.com/v1.0/odata/$metadata")
