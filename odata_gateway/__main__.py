"""`odata-gateway` and `python -m odata_gateway`: load the command line and run it.

The garbage collector rests while modules are loaded, and does not look at them afterwards: it would
take a sixth of the processor time of a start to find a thousandth of the objects.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

from odata_gateway.server.client_at_start import end_with_client


def start() -> int:
    """Run the command line and return its exit status."""
    if sys.argv[1:2] == ["mcp"]:
        end_with_client()
    gc.disable()
    cli = import_module("odata_gateway.cli")
    gc.freeze()
    gc.enable()
    status: int = cli.main()
    return status


if __name__ == "__main__":
    raise SystemExit(start())
