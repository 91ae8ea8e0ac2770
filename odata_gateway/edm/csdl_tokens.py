"""Where a database has access tokens, as the entity container of a CSDL JSON document says it:

    "@Gateway.Tokens": {
      "Tokens": "schema.table", "Token": column, "Owner": column, "Kind": {column: value},
      "Users": "schema.table", "User": column,
      "Members": "schema.table", "Member": column, "Account": column, "Role": column
    }

Only Kind may be left out.
"""

from __future__ import annotations

from odata_gateway.edm.csdl_joins import is_identifier
from odata_gateway.edm.csdl_types import read_identifier, read_table
from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import TokenTables

TOKENS = "@Gateway.Tokens"
_MEMBERS = (
    *("Tokens", "Token", "Owner", "Kind", "Users", "User"),
    *("Members", "Member", "Account", "Role"),
)


def read_tokens(container: JsonNode) -> TokenTables | None:
    """What the annotation of a container says; None without it."""
    if not container.has(TOKENS):
        return None
    node = container.child(TOKENS)
    if not node.is_object:
        node.fail("must be an object")
        return None
    for name in node.value:
        if name not in _MEMBERS:
            node.fail("is not a member of Tokens", name)
    kinds = list(node.pairs("Kind"))
    if node.has("Kind") and len(kinds) != 1:
        node.fail("must have one column with its value", "Kind")
    for name, _, place in kinds:
        if not is_identifier(name):
            place.fail("Postgres cannot have this name")
    return TokenTables(
        tokens=read_table(node, "Tokens"),
        token=read_identifier(node, "Token"),
        owner=read_identifier(node, "Owner"),
        kind=(kinds[0][0], kinds[0][1]) if kinds else None,
        users=read_table(node, "Users"),
        user=read_identifier(node, "User"),
        members=read_table(node, "Members"),
        member=read_identifier(node, "Member"),
        account=read_identifier(node, "Account"),
        role=read_identifier(node, "Role"),
    )
