"""The access tokens of the sample data that the demo prints; `sql/live_agent/sample.sql` has them
and more."""

from typing import Final

ADMIN: Final = "demoAdminOfAccountOne001"
"""User 1, administrator of account 1."""

AGENT: Final = "demoAgentOfAccountOne002"
"""User 2, agent in account 1: may not read anything."""

OTHER_ADMIN: Final = "demoAdminOfAccountTwo003"
"""User 3, administrator of account 2."""

BOTH_ADMIN: Final = "demoAdminOfBothAccts0004"
"""User 4, administrator of accounts 1 and 2."""
