"""Requests generated from the OpenAPI document find no failure of the server, and answers are as it describes them.

schemathesis makes the requests: from the examples, from what each parameter may be at its limits, and at random, right and wrong.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.harness.figures import amount

TIME_S, EXAMPLES = amount(12, 600), amount(4, 200)
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


def test_generated_requests_find_no_failure(gateway, tmp_path):
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    program = Path(sys.executable).with_name("schemathesis")
    document = f"{gateway.base_url}openapi.json"
    bounds = ["--max-time", str(TIME_S), "-n", str(EXAMPLES), "--seed", "1", "--phases", "examples,coverage,fuzzing"]
    asked = [
        "--checks",
        ",".join(CHECKS),
        "--header",
        f"Authorization: Bearer {gateway.tokens.ADMIN}",
        "--continue-on-failure",
        "--no-color",
    ]
    run = subprocess.run(
        [str(program), "--config-file", str(configuration), "run", document, *bounds, *asked],
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
