"""The table of settings: one frozen dataclass, whose fields carry their group, default, reader and
documentation.

A new setting is a new row here; `config.sources` and the command line read the table, and
`docs/settings.md` is generated from it.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any

from odata_gateway.config.readers import (
    JWT_ALGORITHMS,
    Network,
    absolute_url,
    browser_origin,
    claim_path,
    each,
    file_path,
    host_name,
    network,
    one_of,
    one_of_exactly,
    place,
    port_number,
    role_name,
    seconds,
    signing_secret,
    switch,
    time_zone,
    whole_number,
)
from odata_gateway.config.setting import Setting, setting
from odata_gateway.config.source_settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Settings(SourceSettings):
    """The value of every setting; `Settings()` has the defaults."""

    anon_role: str = setting(
        "access",
        "",
        role_name,
        "Postgres role of requests without an access token; empty: they are refused",
    )
    tokens_file: Path | None = setting(
        "access",
        "",
        file_path,
        "TOML file with the hashes of access tokens, read again on SIGHUP; `odata-gateway token`"
        " makes it",
    )
    accounts_claim: str = setting(
        "access",
        "",
        claim_path,
        "path of the claim whose value or values `@Gateway.Account` of the model is compared"
        " with, such as `app_metadata.tenant`",
    )
    admin_roles: tuple[int, ...] = setting(
        "access",
        "1",
        each(whole_number(0, 2**31 - 1)),
        "values of `account_users.role` (`Role` in the model's `@Gateway.Tokens`) that may read,"
        " separated by commas",
    )
    plan_callers: tuple[str, ...] = setting(
        "access", "", each(str), "subjects that may see SQL and plans, named as log lines name them"
    )
    rls: bool = setting(
        "access",
        "false",
        switch,
        "send the caller's account ids with each query, for the policies of "
        "`sql/live_agent/rls.sql`",
    )
    token_ttl_s: float = setting(
        "access", "30", seconds(0, 30), "how long an access token is remembered"
    )
    basic_auth: bool = setting(
        "access", "true", switch, "accept HTTP Basic with the access token as password"
    )
    public_metadata: bool = setting(
        "access",
        "true",
        switch,
        "answer the service document and `$metadata` without a token, unless all callers have"
        " roles of their own",
    )
    expose_secrets: bool = setting(
        "access", "false", switch, "show the secret columns instead of null"
    )
    cors_origins: tuple[str, ...] = setting(
        "access",
        "*",
        each(browser_origin),
        "browser origins that may read answers, separated by commas; or `none`",
    )

    jwt_secret: str = setting(
        "jwt",
        "",
        signing_secret,
        "secret that signs JSON Web Tokens with HS256, at least 32 bytes; or keys as JSON (JWK or"
        " JWK set)",
        secret=True,
    )
    jwt_jwks: str = setting(
        "jwt",
        "",
        place,
        "JWK set with the keys that sign JSON Web Tokens: the path of a file, or a URL",
    )
    jwt_issuer: str = setting(
        "jwt",
        "",
        str,
        "what `iss` of JSON Web Tokens must be; the URL of an OpenID issuer also says, by"
        " discovery, where its keys are and where people sign in",
    )
    jwt_audience: tuple[str, ...] = setting(
        "jwt",
        "",
        each(str),
        "values of `aud` of which a token must have one, separated by commas; empty, with"
        " `ODATA_JWT_ISSUER`: the host and the service root of `ODATA_PUBLIC_URL`",
    )
    jwt_role: str = setting(
        "jwt",
        "role",
        claim_path,
        "path of the claim with the Postgres role, such as `app_metadata.role`; of a list, the"
        " first that may be used; `none`: tokens give no role",
    )
    jwt_algorithms: tuple[str, ...] = setting(
        "jwt",
        "HS256,RS256,ES256,EdDSA",
        each(one_of_exactly(*JWT_ALGORITHMS)),
        "algorithms with which tokens may be signed, separated by commas",
    )
    jwt_leeway_s: float = setting(
        "jwt", "30", seconds(0, 600), "by how much the clocks of issuer and gateway may differ"
    )
    jwt_refresh_s: float = setting(
        "jwt",
        "300",
        seconds(1, 86400),
        "time between two readings of a JWK set; a token of an unknown key has it read at once",
    )
    jwt_allow_http: bool = setting(
        "jwt",
        "false",
        switch,
        "read JWK sets and discovery documents also over `http`, which anybody on the way can"
        " change; loopback addresses need no permission",
    )

    page_rows: int = setting(
        "paging", "10000", whole_number(1, 1_000_000), "number of rows of a page"
    )
    max_page_rows: int = setting(
        "paging",
        "100000",
        whole_number(1, 1_000_000),
        "maximum number of rows that a client may ask for with `Prefer: maxpagesize`",
    )
    max_export_rows: int = setting(
        "paging", "0", whole_number(0, 10**9), "maximum number of rows of a file as CSV is; 0: none"
    )
    chunks_at_once: int = setting(
        "paging",
        "2",
        whole_number(1, 16),
        "how many chunks of a long page are read at once while more than half of the connections"
        " are free; more than 2 need free processors where Postgres is",
    )
    timezone: str = setting(
        "paging", "", time_zone, "time zone where a client names none, as `Europe/Berlin`"
    )

    max_url_bytes: int = setting(
        "limits", "16384", whole_number(256, 1_048_576), "maximum length of a URL"
    )
    max_body_bytes: int = setting(
        "limits", "1048576", whole_number(0, 1_073_741_824), "maximum length of a request body"
    )
    max_depth: int = setting(
        "limits", "100", whole_number(5, 150), "maximum nesting of an expression"
    )
    max_nodes: int = setting(
        "limits",
        "5000",
        whole_number(10, 1_000_000),
        "maximum number of syntax nodes in a request; an alias counts each time it is used",
    )
    max_expand_depth: int = setting(
        "limits", "8", whole_number(1, 20), "maximum nesting of `$expand`"
    )
    max_expands: int = setting(
        "limits",
        "100",
        whole_number(1, 1000),
        "maximum number of expanded navigation properties in a request; `*` counts for all of them",
    )
    max_list_items: int = setting(
        "limits",
        "10000",
        whole_number(10, 1_000_000),
        "maximum number of items in a list, as after `in`",
    )
    max_lambda_depth: int = setting(
        "limits",
        "5",
        whole_number(1, 20),
        "maximum nesting of `any`, `all` and `$count` in expressions",
    )
    max_token_requests: int = setting(
        "limits",
        "200",
        whole_number(1, 100_000),
        "maximum number of requests that run at the same time with one access token",
    )
    max_batch_parts: int = setting(
        "limits", "1000", whole_number(1, 100_000), "maximum number of parts in a batch"
    )

    strict_urls: bool = setting(
        "http",
        "false",
        switch,
        "refuse the spellings that URLs may have beyond those of the standard"
        " ([odata.md](odata.md#spellings-beyond-the-standard))",
    )
    host: str = setting("http", "0.0.0.0", str, "address to listen on")
    port: int = setting("http", "3001", port_number, "port to listen on", fallbacks=("PORT",))
    shared_port: bool = setting(
        "http",
        "false",
        switch,
        "share the port with other instances (SO_REUSEPORT), for restarts without a gap",
    )
    public_url: str = setting(
        "http",
        "",
        absolute_url,
        "URL under which clients see the gateway; links in answers begin with it",
    )
    protocol: str = setting(
        "http",
        "",
        one_of("", "http", "https"),
        "scheme of links if neither the public URL nor a trusted proxy says it",
    )
    page: bool = setting("http", "true", switch, "answer browsers with pages, not with JSON")
    trusted_proxies: tuple[Network, ...] = setting(
        "http",
        "127.0.0.0/8,::1/128",
        each(network),
        "networks whose `X-Forwarded-*` headers are believed, separated by commas; or `none`",
    )
    read_timeout_s: float = setting(
        "http", "10", seconds(0.1, 600), "maximum time that a client may take to send a request"
    )
    send_timeout_s: float = setting(
        "http",
        "60",
        seconds(0.1, 3600),
        "maximum time that a client may take to receive a part of an answer",
    )
    keepalive_s: float = setting(
        "http", "120", seconds(0, 3600), "how long an idle connection is kept open"
    )

    mcp: bool = setting(
        "agents",
        "true",
        switch,
        "answer the Model Context Protocol at `/mcp`, for the same callers and with the same rows",
    )
    mcp_hosts: tuple[str, ...] = setting(
        "agents",
        "",
        each(host_name),
        "host names of `/mcp` besides that of `ODATA_PUBLIC_URL`, separated by commas; IP addresses"
        " and `localhost` need no permission",
    )
    mcp_rows: int = setting(
        "agents", "500", whole_number(1, 100_000), "maximum number of rows an agent gets at once"
    )
    mcp_bytes: int = setting(
        "agents",
        "65536",
        whole_number(1024, 16_777_216),
        "maximum size of the rows that an agent gets at once, as JSON",
    )
    mcp_token: str = setting(
        "agents",
        "",
        str,
        "access token of the caller whom `odata-gateway mcp` answers on its standard input",
        secret=True,
    )

    admin_port: tuple[int, ...] = setting(
        "operations",
        "",
        each(port_number),
        "further ports, for `/health` and `/metrics` only, separated by commas; the main port"
        " has no metrics",
        fallbacks=("LIVENESS_PORT", "METRICS_PORT"),
    )
    workers: int = setting("operations", "1", whole_number(1, 64), "number of server processes")
    cache_entries: int = setting(
        "operations",
        "512",
        whole_number(1, 1_000_000),
        "maximum number of compiled requests that are kept, with at most 16 MB of SQL",
    )
    grace_s: float = setting(
        "operations",
        "2",
        seconds(0, 600),
        "how long requests are still accepted after SIGTERM, until load balancers have noticed",
    )
    drain_s: float = setting(
        "operations", "20", seconds(0, 3600), "time of running requests to end after SIGTERM"
    )
    log_level: str = setting(
        "operations", "info", one_of("debug", "info", "warning", "error"), "least severity logged"
    )
    log_format: str = setting(
        "operations",
        "auto",
        one_of("auto", "text", "json"),
        "form of the log lines: `text`, `json`, or `auto`: text on a terminal, JSON elsewhere",
    )
    server_timing: bool = setting(
        "operations",
        "true",
        switch,
        "send `Server-Timing` to clients that ask for it with a header `X-Server-Timing`",
    )
    tracing: bool = setting(
        "operations",
        "false",
        switch,
        "send OpenTelemetry spans, as its variables `OTEL_*` say; needs the extra `otel`",
    )
    slow_query_ms: int = setting(
        "operations",
        "1000",
        whole_number(0, 86_400_000),
        "log a statement with its SQL if it takes longer; 0: never",
    )


def _row(item: Field[Any]) -> Setting:
    return Setting(name=item.name, **item.metadata)


SETTINGS: tuple[Setting, ...] = tuple(_row(item) for item in fields(Settings))
