"""Requests generated from the OpenAPI document find no failure of the server, and answers are as it describes them.

schemathesis makes the requests: from the examples, from what each parameter may be at its limits, and at random, right and wrong.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.harness.cluster import SQL_FOLDER
from tests.harness.figures import amount

SHOP = SQL_FOLDER.parents[2] / "sql" / "shop" / "shop.sql"
TIME_S, EXAMPLES = amount(45, 600), amount(4, 200)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
# 501 is the answer to valid OData that the service does not support.
CONFIGURATION = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "4xx", 501]\n'


@pytest.fixture(params=["sample", "shop"])
def asked(request, gateway, gateways, cluster):
    """A gateway, and the headers of its caller; the shop has a model from its catalog, with values of more types."""
    if request.param == "sample":
        yield gateway, ("--header", f"Authorization: Bearer {gateway.tokens.ADMIN}")
        return
    cluster.psql("postgres", "CREATE DATABASE shop_p12")
    cluster.psql("shop_p12", SHOP.read_text(encoding="utf-8"))
    shop = {"ODATA_DSN": cluster.dsn(user="shop_gateway", database="shop_p12"), "ODATA_MODEL": "auto", "ODATA_SCHEMAS": "shop"}
    running = gateways(**shop, ODATA_ANON_ROLE="shop_analyst")
    yield running, ()
    running.stop()
    cluster.psql("postgres", "DROP DATABASE shop_p12 WITH (FORCE); DROP ROLE shop_gateway; DROP ROLE shop_analyst")


def test_generated_requests_find_no_failure(asked, tmp_path):
    gateway, caller = asked
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    program = Path(sys.executable).with_name("schemathesis")
    document = f"{gateway.base_url}openapi.json"
    bounds = ["--max-time", str(TIME_S), "-n", str(EXAMPLES), "--seed", "1", "--phases", "examples,coverage,fuzzing"]
    checks = ["--checks", ",".join(CHECKS), *caller, "--continue-on-failure", "--no-color"]
    run = subprocess.run(
        [str(program), "--config-file", str(configuration), "run", document, *bounds, *checks],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIME_S + 120,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    tested = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
    assert tested and tested[1] == tested[2] and int(tested[1]) >= 300, run.stdout[-2000:]
    assert re.search(r"Tested: (\d+)", run.stdout)[1] == re.search(r"Selected: (\d+)", run.stdout)[1]
    assert "Traceback" not in gateway.log()
