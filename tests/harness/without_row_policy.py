"""The program without the gateway's own row policy in its statements, for tests of row-level security alone.

python -m tests.harness.without_row_policy serve
"""

from __future__ import annotations

from typing import LiteralString

from odata_gateway.cli import main
from odata_gateway.plan.tree.relation import Source
from odata_gateway.sql.fragment import Sql
from odata_gateway.sql.relation import Relations


class Open(Relations):
    def _policy(self, source: Source, member_name: LiteralString = "m") -> list[Sql]:
        return []


if __name__ == "__main__":
    Relations._policy = Open._policy
    raise SystemExit(main())
