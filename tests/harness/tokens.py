"""The access tokens of the sample data, as `sql/live_agent/sample.sql` has them."""

from typing import Any, Final

from odata_gateway.demo.tokens import ADMIN, AGENT, BOTH_ADMIN, OTHER_ADMIN

__all__ = ["ADMIN", "AGENT", "BOTH_ADMIN", "OTHER_ADMIN"]

TABLES: Final[dict[str, Any]] = {
    "@Gateway.Tokens": {
        "Tokens": "public.access_tokens", "Token": "token", "Owner": "owner_id", "Kind": {"owner_type": "User"},
        "Users": "public.users", "User": "id",
        "Members": "public.account_users", "Member": "user_id", "Account": "account_id", "Role": "role",
    }
}  # fmt: skip
"""What the entity container of a model must say, so that these tokens get in."""

NO_MEMBER: Final = "demoUserWithoutAccount05"
"""User 5, in no account."""

EX_MEMBER: Final = "demoExMemberOfAccount007"
"""User 7, no longer in account 1; still assignee and sender there."""

ADMIN_AND_AGENT: Final = "demoAdminOneAgentTwo0008"
"""User 8, administrator of account 1 and agent in account 2: sees account 1 only."""

THIRD_ADMIN: Final = "demoAdminOfAccount3rd009"
"""User 9, administrator of account 3, whose rows say 'foreign'."""

SUPERVISOR: Final = "demoSupervisorOfOne00013"
"""User 13, role 2 in account 1: reads only where the setting admin_roles names 2."""

DELETED_USER: Final = "demoDeletedUserToken0998"
"""User 998, of whom only the token is left."""

AGENT_BOT: Final = "demoAgentBotSameIdAs0001"
"""An AgentBot with the id of an administrator."""

PLATFORM_APP: Final = "demoPlatformAppToken0001"
"""A PlatformApp with the id of an administrator."""

LOWER_CASE_OWNER: Final = "demoLowerCaseOwnerType01"
"""Owner type 'user', which is not 'User'."""

NULL_OWNER: Final = "demoNullOwnerTypeToken01"
"""Owner type null."""

UNKNOWN: Final = "demoTokenNobodyHas000000"
"""In no row."""
