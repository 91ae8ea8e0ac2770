"""The program with the first wall taken down: no statement carries the gateway's own row policy. For tests of the second wall only.

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
