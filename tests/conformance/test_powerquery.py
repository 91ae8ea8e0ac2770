"""The documented conversation of Power Query (Excel, Power BI), replayed against the running program with pages small enough to page."""

import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest
from tests.harness.ask import ADMIN
from tests.harness.issuer import SECRET, claims

REPLAY = Path(__file__).parent.parent / "data" / "powerquery.py"
JSON_WEB_TOKEN = jwt.encode(claims(role=None, accounts=[1]), SECRET, "HS256")


@pytest.mark.parametrize("token", [ADMIN, JSON_WEB_TOKEN], ids=["Live Agent's token", "JSON Web Token"])
def test_power_query_gets_all_it_needs(gateways, reader_dsn, token):
    """With the token in the URL, as a Bearer token and as the password of HTTP Basic."""
    settings = {"ODATA_JWT_SECRET": SECRET, "ODATA_JWT_ROLE": "none", "ODATA_ACCOUNTS_CLAIM": "accounts"} if token != ADMIN else {}
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_PAGE_ROWS="700", **settings)
    environment = os.environ | {"BASE_URL": gateway.base_url, "APIKEY": token}
    replay = subprocess.run([sys.executable, REPLAY], env=environment, capture_output=True, text=True, timeout=240, check=False)
    failed = [line for line in replay.stdout.splitlines() if " FAIL " in line]
    assert not failed and replay.returncode == 0, "\n".join(failed) + replay.stderr
    last = replay.stdout.splitlines()[-1]
    assert last.startswith("powerquery TOTAL PASS") and "0 failed, should" in last and last.endswith("0 failed")
    assert "1 pages" not in next(line for line in replay.stdout.splitlines() if line.startswith("powerquery 4a full load"))
