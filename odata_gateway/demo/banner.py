"""The text that `odata-gateway demo` prints once it serves: addresses to paste, access tokens, and
how to stop it."""

from __future__ import annotations

from odata_gateway.demo.tokens import ADMIN, AGENT, BOTH_ADMIN, OTHER_ADMIN


def shop_banner_text(port: int) -> str:
    """The banner of the shop's service on this port; nobody needs a token there."""
    root = f"http://localhost:{port}/v1.0/odata/"
    orders = f"{root}order?$top=3&$expand=customer"
    best = f"{root}order_line?$apply=groupby((product/title),aggregate(quantity with sum as sold))"
    return f"""
A shop over OData: its model is read from the database's catalog (ODATA_MODEL=auto). The Postgres
is the demo's own, and is removed when the demo stops.

  Service            {root}
  Metadata           {root}$metadata
  In a terminal      curl '{orders}'
                     curl '{best}&$orderby=sold%20desc'
  Excel, Power BI    {root}
                     (OData feed, Anonymous)

Press Ctrl-C to stop it.
"""


def banner_text(port: int) -> str:
    """The banner of a service on this port. Every address is complete and can be copied as it
    is."""
    root = f"http://localhost:{port}/v1.0/odata/"
    first_url = f"{root}Conversation?$top=3&$expand=assignee"
    login = "From Web or OData feed, Anonymous; Tableau: any user name, the token as password"
    return f"""
Live Agent over OData: a demo with its own Postgres, which is removed when the demo stops.

  Service            {root}
  Metadata           {root}$metadata
  In a terminal      curl -H 'Authorization: Bearer {ADMIN}' '{first_url}'
  Excel, Power BI    {root}Conversation?apikey={ADMIN}
                     ({login})

  Access tokens      {ADMIN}  administrator of account 1
                     {OTHER_ADMIN}  administrator of account 2
                     {BOTH_ADMIN}  administrator of both
                     {AGENT}  agent: is refused

Press Ctrl-C to stop it.
"""
