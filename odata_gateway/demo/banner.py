"""What `odata-gateway demo` says once it serves: addresses to paste, tokens, and how to stop."""

from __future__ import annotations

from dataclasses import dataclass

from odata_gateway.demo import tokens


@dataclass(frozen=True, slots=True)
class Banner:
    """Every line is complete: it can be copied as it stands."""

    port: int

    @property
    def root(self) -> str:
        return f"http://localhost:{self.port}/v1.0/odata/"

    @property
    def curl(self) -> str:
        return f"curl -H 'Authorization: Bearer {tokens.ADMIN}' '{self.root}Conversation?$top=3&$expand=assignee'"

    def with_key(self, collection: str) -> str:
        """The form for clients that know no Bearer token."""
        return f"{self.root}{collection}?apikey={tokens.ADMIN}"

    def __str__(self) -> str:
        return f"""
Live Agent over OData: a demo with its own Postgres, gone when it stops.

  Service            {self.root}
  Metadata           {self.root}$metadata
  In a terminal      {self.curl}
  Excel, Power BI    {self.with_key("Conversation")}
                     (From Web or OData feed, Anonymous; Tableau: any user name, the token as password)

  Access tokens      {tokens.ADMIN}  administrator of account 1
                     {tokens.OTHER_ADMIN}  administrator of account 2
                     {tokens.BOTH_ADMIN}  administrator of both
                     {tokens.AGENT}  agent: is refused

Ctrl-C stops it.
"""


def banner_text(port: int) -> str:
    """The banner of a service on this port."""
    return str(Banner(port))
