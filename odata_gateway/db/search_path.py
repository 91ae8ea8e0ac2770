"""Where functions of views and policies look for names, and that our own statements do not.

Our statements name tables with their schemas, and call functions and operators of Postgres without.
With other schemas behind pg_catalog, Postgres would take a function of theirs where its arguments
fit better: `public.lower(varchar)` in place of `pg_catalog.lower(text)`. So the search path is wide
only on a connection that has found nothing in these schemas that is called like something of
Postgres's own. An extension's functions and operators for its own types do not count: they are what
these types are for. Types are found in the first schema that has the name, which is pg_catalog.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from odata_gateway.edm.tables import in_quotes

NARROW = "pg_catalog, pg_temp"
"""The path without any schema of users. pg_temp would be the first one if it were not named."""

_ALWAYS = ("pg_catalog", "pg_temp", "")

NAMESAKES = """
WITH path (oid) AS (
    SELECT n.oid FROM pg_catalog.pg_namespace AS n JOIN unnest({schemas}) AS s (name)
    ON n.nspname = CASE s.name WHEN '$user' THEN current_user::text ELSE s.name END::name
), named (kind, oid, text, types) AS (
    SELECT 'pg_proc'::regclass, p.oid, p.oid::regprocedure::text, p.proargtypes::oid[]
    FROM pg_catalog.pg_proc AS p JOIN path ON path.oid = p.pronamespace
    WHERE EXISTS (SELECT FROM pg_catalog.pg_proc AS own WHERE own.proname = p.proname
                  AND own.pronamespace = 'pg_catalog'::regnamespace)
    UNION ALL
    SELECT 'pg_operator'::regclass, o.oid, o.oid::regoperator::text, ARRAY[o.oprleft, o.oprright]
    FROM pg_catalog.pg_operator AS o JOIN path ON path.oid = o.oprnamespace
    WHERE EXISTS (SELECT FROM pg_catalog.pg_operator AS own WHERE own.oprname = o.oprname
                  AND own.oprnamespace = 'pg_catalog'::regnamespace)
)
SELECT named.text FROM named
WHERE NOT (
    EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = named.kind
            AND d.objid = named.oid AND d.deptype = 'e')
    AND EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.oid = ANY (named.types)
                AND t.typnamespace <> 'pg_catalog'::regnamespace))
ORDER BY 1
"""
"""What could be called in place of something of Postgres's own."""

_WORD, _ESCAPED = re.compile(r"(?:\\.|[^\s\\])+"), re.compile(r"\\(.)")
"""Postgres's own rule for `options`: blanks divide, a backslash takes what follows as it is."""
_NAMESAKE = "odata-gateway: a namesake: "


def look_for_namesakes(schemas: Iterable[str]) -> str:
    """A transaction as one simple message, which any pooler passes on to one server connection. It
    fails where there is a namesake."""
    array = "ARRAY[" + ", ".join(map(_literal, schemas)) + "]::text[]"
    found = NAMESAKES.format(schemas=array)
    return (
        f"BEGIN READ ONLY; SET LOCAL search_path = {NARROW}; "
        f"SELECT concat('{_NAMESAKE}', n.text)::int4 FROM ({found}) AS n LIMIT 1; COMMIT"
    )


def namesake_in(message: str) -> str | None:
    """The namesake that the message of a failed look is about; None for another message."""
    _, found, rest = message.partition(_NAMESAKE)
    return rest.rstrip('"”»«') if found else None


def widened_path(schemas: Iterable[str]) -> str:
    """The search path with these schemas behind pg_catalog."""
    names = ("pg_catalog", *(in_quotes(name) for name in schemas), "pg_temp")
    return ", ".join(names)


def schemas_of_path(text: str) -> tuple[str, ...]:
    """The schemas of a search path as Postgres writes it, without those that always are in ours."""
    names = (part.strip() for part in text.split(","))
    found = (
        name[1:-1].replace('""', '"') if name.startswith('"') else name.lower() for name in names
    )
    return tuple(name for name in dict.fromkeys(found) if name not in _ALWAYS)


def schemas_of_dsn(dsn: str) -> tuple[str, ...]:
    """The schemas of a DSN's own search path: `search_path=...` or `options=-c search_path=...`."""
    parameters = dict(parse_qsl(urlsplit(dsn).query))
    text, _ = _split_options(parameters.get("options", ""))
    return schemas_of_path(parameters.get("search_path", text))


def without_search_path(dsn: str) -> str:
    """The DSN without its search path, which connections do not begin with."""
    url = urlsplit(dsn)
    parameters = dict(parse_qsl(url.query, keep_blank_values=True))
    if not {"search_path", "options"} & parameters.keys():
        return dsn
    parameters.pop("search_path", None)
    _, options = _split_options(parameters.pop("options", ""))
    if options:
        parameters["options"] = options
    return urlunsplit(url._replace(query=urlencode(parameters)))


def _split_options(options: str) -> tuple[str, str]:
    """The search path among command-line options, and the other options."""
    path, others, words = "", list[str](), iter(_WORD.findall(options))
    for word in words:
        is_apart = word == "-c"
        setting = next(words, "") if is_apart else word.removeprefix("-c").removeprefix("--")
        name, _, value = _ESCAPED.sub(r"\1", setting).partition("=")
        if name == "search_path":
            path = value
        else:
            others += [word, setting] if is_apart else [word]
    return path, " ".join(others)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def told(namesake: str) -> str:
    """What an operator must know about a namesake."""
    return (
        f"ODATA_SEARCH_PATH is not used: {namesake} could be called in place of Postgres's own; "
        "rename it, or leave its schema out"
    )
