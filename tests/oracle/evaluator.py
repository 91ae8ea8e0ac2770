"""A second evaluator: the answers the gateway must give, from the same rows, in plain Python.

It shares no code with the gateway. Rows come as the superuser straight from the tables; scope, joins, null logic, order and output are written
again here, from the OData standard and the description of the tables. Values: int, bool and str as they are, Fraction for decimals, a time as
microseconds since 1970, a date as days since 1970, a time of day as microseconds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import asyncpg

DAY = 86_400_000_000

# name[:kind[:column]] a property; a kind of int is not written.
_COLUMNS = {
    "Message": "id content:string account_id inbox_id conversation_id message_type created_at:time updated_at:time private:bool status "
    "source_id:string content_type content_attributes:json sender_type:string sender_id external_source_ids:json",
    "Conversation": "id account_id inbox_id status assignee_id created_at:time updated_at:time contact_id display_id contact_last_seen_at:time "
    "agent_last_seen_at:time additional_attributes:json contact_inbox_id uuid:uuid identifier:string last_activity_at:time team_id campaign_id "
    "snoozed_until:time custom_attributes:json assignee_last_seen_at:time",
    "Inbox": "id channel_id name:string account_id created_at:time updated_at:time channel_type:string enable_auto_assignment:bool "
    "greeting_enabled:bool greeting_message:string email_address:string working_hours_enabled:bool "
    "out_of_office_enabled:string:out_of_office_message timezone:string enable_email_collect:bool csat_survey_enabled:bool "
    "cognigy_organization_id:string cognigy_project_id:string enable_auto_reassignment:bool conversation_show_all:bool",
    "Label": "id title:string description:string color:string show_on_sidebar:bool account_id created_at:time updated_at:time",
    "User": "id provider:string uid:string encrypted_password:secret reset_password_token:secret "
    "reset_password_send_at:time:reset_password_sent_at remember_created_at:time sign_in_count current_sign_in_at:time last_sign_in_at:time "
    "current_sign_in_ip:string last_sign_in_ip:string confirmation_token:secret confirmed_at:time confirmation_sent_at:time "
    "unconfirmed_email:string name:string display_name:string email:string tokens:secret created_at:time updated_at:time "
    "pubsub_tokens:secret:pubsub_token availability ui_settings:json custom_attributes:json cognigy_user_id:string",
}
TABLES = {"Message": "messages", "Conversation": "conversations", "Inbox": "inboxes", "Label": "labels", "User": "users"}
_LINKS = {
    "account_users": "account_id user_id role",
    "inbox_members": "inbox_id user_id",
    "taggings": "tag_id taggable_type taggable_id context",
    "tags": "id name",
}
_READ = {
    "int": "{}",
    "bool": "{}",
    "string": "{}::text",
    "uuid": "{}::text",
    "secret": "{}::text",
    "json": "{}::text",
    "time": "CASE WHEN isfinite({0}) THEN trunc(extract(epoch FROM {0}) * 1000000)::text ELSE {0}::text END",
}

KINDS: dict[str, dict[str, str]] = {
    entity: {name: (kind or "int") for name, kind, _ in ((*spec.split(":"), "", "")[:3] for spec in specs.split())}
    for entity, specs in _COLUMNS.items()
}
"""Kind by property, by entity type: int, bool, string, json, uuid, time, secret."""

NAVIGATION: dict[str, dict[str, tuple[str, bool]]] = {
    "Message": {"conversation": ("Conversation", False), "inbox": ("Inbox", False), "sender": ("User", False)},
    "Conversation": {"messages": ("Message", True), "inbox": ("Inbox", False), "assignee": ("User", False), "labels": ("Label", True)},
    "Inbox": {"conversations": ("Conversation", True), "messages": ("Message", True), "members": ("User", True)},
    "Label": {"conversations": ("Conversation", True)},
    "User": {"assigned_conversations": ("Conversation", True), "messages": ("Message", True), "inboxes": ("Inbox", True)},
}
"""(target type, whether a collection) by navigation property, by entity type."""

SEARCHED: dict[str, tuple[str, ...]] = {
    "Message": ("content",),
    "Conversation": ("identifier",),
    "Inbox": ("name", "email_address"),
    "Label": ("title", "description"),
    "User": ("name", "display_name", "email"),
}
"""The properties $search looks at, by entity type."""


@dataclass(frozen=True, eq=False)
class Row:
    """One entity: its type and its values by property; secrets are kept apart, because no expression can see them."""

    type: str
    values: Mapping[str, Any]
    secrets: Mapping[str, str | None]

    @property
    def id(self) -> int:
        return self.values["id"]


# --- rows ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """All rows of all accounts."""

    rows: dict[str, list[Row]]
    links: dict[str, list[Any]]

    @classmethod
    async def load(cls, dsn: str) -> World:
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                rows = {entity: await _entities(connection, entity) for entity in _COLUMNS}
                links = {t: await connection.fetch(f"SELECT {c.replace(' ', ', ')} FROM {t}") for t, c in _LINKS.items()}
        finally:
            await connection.close()
        return cls(rows, links)

    def view(self, *accounts: int) -> View:
        return View(self, frozenset(accounts))


async def _entities(connection: asyncpg.Connection, entity: str) -> list[Row]:
    columns = [(*spec.split(":"), "", "")[:3] for spec in _COLUMNS[entity].split()]
    wanted = ", ".join(f"{_READ[kind or 'int'].format(column or name)} AS {name}" for name, kind, column in columns)
    found = []
    for record in await connection.fetch(f"SELECT {wanted} FROM {TABLES[entity]} ORDER BY id"):
        values, secrets = {}, {}
        for name, kind in KINDS[entity].items():
            if kind == "secret":
                values[name], secrets[name] = None, record[name]
            else:
                values[name] = _READERS.get(kind, _same)(record[name])
        found.append(Row(entity, values, secrets))
    return found


def _same(value: Any) -> Any:
    return value


def _json_text(text: str | None) -> str | None:
    """The JSON text of a column: a string is a text that was encoded twice, and JSON's null is null."""
    if text is None:
        return None
    value = json.loads(text)
    return value if isinstance(value, str) or value is None else text


def _time(text: str | None) -> int | None:
    """Microseconds; an infinite time is null."""
    return None if text is None or "infinity" in text else int(text)


_READERS: dict[str, Callable[[Any], Any]] = {"json": _json_text, "time": _time}


class View:
    """What an administrator of some accounts sees: rows in scope, and what hangs on them."""

    def __init__(self, world: World, accounts: frozenset[int]) -> None:
        self.world = world
        self.accounts = accounts
        members = {link["user_id"] for link in world.links["account_users"] if link["account_id"] in accounts}
        self.rows = {
            entity: [r for r in rows if (r.id in members if entity == "User" else r.values["account_id"] in accounts)]
            for entity, rows in world.rows.items()
        }
        self._indexes: dict[tuple[str, str], dict[Any, list[Row]]] = {}
        self._related: dict[tuple[str, int, str], list[Row]] = {}

    def by(self, entity: str, name: str, value: Any) -> list[Row]:
        """The visible rows whose property has a value, by id."""
        if value is None:
            return []
        index = self._indexes.get((entity, name))
        if index is None:
            index = self._indexes[entity, name] = defaultdict(list)
            for row in self.rows[entity]:
                index[row.values[name]].append(row)
        return index.get(value, [])

    def related(self, row: Row, navigation: str) -> Sequence[Row]:
        """The rows a navigation property leads to, by id; at most one where it is single-valued. Both sides belong to one account."""
        place = row.type, row.id, navigation
        found = self._related.get(place)
        if found is None:
            found = self._related[place] = self._joined(row, navigation)
        return found

    def _joined(self, row: Row, navigation: str) -> list[Row]:
        values = row.values
        match row.type, navigation:
            case _, "conversation":
                found = self.by("Conversation", "id", values["conversation_id"])
            case (("Message" | "Conversation"), "inbox"):
                found = self.by("Inbox", "id", values["inbox_id"])
            case _, "sender":
                found = self.by("User", "id", values["sender_id"]) if values["sender_type"] == "User" else []
            case _, "assignee":
                found = self.by("User", "id", values["assignee_id"])
            case "Conversation", "messages":
                found = self.by("Message", "conversation_id", row.id)
            case "Inbox", "messages":
                found = self.by("Message", "inbox_id", row.id)
            case "User", "messages":
                found = [m for m in self.by("Message", "sender_id", row.id) if m.values["sender_type"] == "User"]
            case "Inbox", "conversations":
                found = self.by("Conversation", "inbox_id", row.id)
            case _, "assigned_conversations":
                found = self.by("Conversation", "assignee_id", row.id)
            case _, "members":
                found = [u for i in sorted(self._members[0].get(row.id, ())) for u in self.by("User", "id", i)]
            case _, "inboxes":
                found = [b for i in sorted(self._members[1].get(row.id, ())) for b in self.by("Inbox", "id", i)]
            case _, "labels":
                found = [label for label in self.rows["Label"] if label.values["title"] in self._titles.get(row.id, ())]
            case "Label", "conversations":
                found = [c for c in self.rows["Conversation"] if values["title"] in self._titles.get(c.id, ())]
            case _:
                raise LookupError(f"{row.type}/{navigation}")
        return [f for f in found if _one_account(values, f.values)]

    @cached_property
    def _members(self) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
        users, inboxes = defaultdict(set), defaultdict(set)
        for link in self.world.links["inbox_members"]:
            users[link["inbox_id"]].add(link["user_id"])
            inboxes[link["user_id"]].add(link["inbox_id"])
        return users, inboxes

    @cached_property
    def _titles(self) -> dict[int, set[str]]:
        """Titles of labels by conversation: the names of its tags in lower case."""
        names = {tag["id"]: lower(tag["name"]) for tag in self.world.links["tags"]}
        found = defaultdict(set)
        for link in self.world.links["taggings"]:
            name = names.get(link["tag_id"])
            if name is not None and link["taggable_type"] == "Conversation" and link["context"] == "labels":
                found[link["taggable_id"]].add(name)
        return found


def _one_account(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return "account_id" not in left or "account_id" not in right or left["account_id"] == right["account_id"]


# --- expressions --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Env:
    """What names stand for: the row of bare names, $it, and range variables."""

    view: View
    row: Row
    it: Row
    variables: Mapping[str, Row] = field(default_factory=dict)

    def nested(self, row: Row) -> Env:
        return Env(self.view, row, self.it)

    def binding(self, name: str, row: Row) -> Env:
        return Env(self.view, self.row, self.it, {**self.variables, name: row})


PRIMARY, UNARY, MULTIPLY, ADD, RELATE, EQUAL, AND, OR = 8, 7, 6, 5, 4, 3, 2, 1
"""How tightly an operator binds (URL Conventions 5.1.1.17)."""


@dataclass(frozen=True)
class Expr:
    """An expression: its text in a URL, the kind of its value, how tightly its outermost operator binds, and its value."""

    text: str
    kind: str
    value: Callable[[Env], Any]
    level: int = PRIMARY

    def at(self, level: int) -> str:
        """The text where an operator of `level` stands around it."""
        return self.text if self.level >= level else f"({self.text})"


def lower(text: str | None) -> str | None:
    """Lower case, one character at a time (Unicode's simple mapping, as Postgres's C.UTF-8 has it)."""
    return None if text is None else "".join({"İ": "i"}.get(c) or c.lower() for c in text)


def upper(text: str) -> str:
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


def compare(op: str, left: Any, right: Any) -> bool:
    """eq, ne, lt, ... as two-valued logic has them (5.1.1.1): null equals null only, and has no order."""
    if op in ("eq", "ne"):
        same = left is None and right is None if left is None or right is None else left == right
        return same if op == "eq" else not same
    if left is None or right is None:
        return False
    return {"lt": left < right, "le": left <= right, "gt": left > right, "ge": left >= right}[op]


def has_text(row: Row, text: str) -> bool:
    """Whether one of a row's texts has a text in it, in any case."""
    wanted = lower(text) or ""
    return any(wanted in (lower(value) or "") for value in (row.values[name] for name in SEARCHED[row.type]) if value is not None)


def conjunction(values: Iterable[bool | None]) -> bool | None:
    found = list(values)
    return False if False in found else None if None in found else True


def disjunction(values: Iterable[bool | None]) -> bool | None:
    found = list(values)
    return True if True in found else None if None in found else False


def arithmetic(op: str, left: Any, right: Any) -> Any:
    """Whole numbers divide towards zero; mod has the sign of its left side; null makes null."""
    if left is None or right is None:
        return None
    match op:
        case "add":
            return left + right
        case "sub":
            return left - right
        case "mul":
            return left * right
        case "divby":
            return Fraction(left) / Fraction(right)
    exact = Fraction(left) / Fraction(right)
    whole = abs(exact.numerator) // exact.denominator * (1 if exact >= 0 else -1)
    if op == "mod":
        return left - right * whole
    return whole if isinstance(left, int) and isinstance(right, int) else exact


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of days since 1970-01-01, in the proleptic Gregorian calendar with a year 0."""
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return year_of_era + era * 400 + (month <= 2), month, day


def time_text(micros: int | None) -> str | None:
    """A time as the gateway writes it."""
    if micros is None:
        return None
    days, rest = divmod(micros, DAY)
    year, month, day = civil(days)
    seconds, fraction = divmod(rest, 1_000_000)
    years = f"{year:04d}" if year >= 0 else f"-{-year:04d}"
    return f"{years}-{month:02d}-{day:02d}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}Z"


# White space as Unicode has it (property White_Space).
_BLANKS = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def _half_away(number: Fraction) -> Fraction:
    rounded = (abs(number) + Fraction(1, 2)).__floor__()
    return Fraction(rounded if number >= 0 else -rounded)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "concat": lambda left, right: left + right,
    "indexof": lambda text, part: text.find(part),
    "length": len,
    "substring": lambda text, start, length=None: text[start:] if length is None else text[start : start + length],
    "tolower": lower,
    "toupper": upper,
    "trim": lambda text: text.strip(_BLANKS),
    "date": lambda t: t // DAY,
    "time": lambda t: t % DAY,
    "year": lambda t: civil(t // DAY)[0],
    "month": lambda t: civil(t // DAY)[1],
    "day": lambda t: civil(t // DAY)[2],
    "hour": lambda t: t % DAY // 3_600_000_000,
    "minute": lambda t: t % 3_600_000_000 // 60_000_000,
    "second": lambda t: t % 60_000_000 // 1_000_000,
    "fractionalseconds": lambda t: Fraction(t % 1_000_000, 1_000_000),
    "round": lambda n: _half_away(Fraction(n)),
    "floor": lambda n: Fraction(Fraction(n).__floor__()),
    "ceiling": lambda n: Fraction(Fraction(n).__ceil__()),
}


def _subsequence(whole: list[Any], part: list[Any]) -> bool:
    rest = iter(whole)
    return all(any(item == other for other in rest) for item in part)


def _position(whole: list[Any], part: list[Any]) -> int:
    return next((at for at in range(len(whole) - len(part) + 1) if whole[at : at + len(part)] == part), -1)


OF_COLLECTIONS: dict[str, Callable[[list[Any], list[Any]], Any]] = {
    "hassubset": lambda whole, part: all(part.count(item) <= whole.count(item) for item in part),
    "hassubsequence": _subsequence,
    "contains": lambda whole, part: _position(whole, part) >= 0,
    "startswith": lambda whole, part: whole[: len(part)] == part,
    "endswith": lambda whole, part: len(part) <= len(whole) and whole[len(whole) - len(part) :] == part,
    "indexof": _position,
}
"""The functions of two collections, in which null equals null."""


def call(name: str, *arguments: Any) -> Any:
    """A canonical function; null for a null argument (5.1.1.4)."""
    return None if any(a is None for a in arguments) else FUNCTIONS[name](*arguments)


# --- queries ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Query:
    """The options of a collection, or of an expanded navigation property."""

    type: str
    filter: Expr | None = None
    order: Sequence[tuple[Expr, bool]] = ()
    top: int | None = None
    skip: int | None = None
    count: bool = False
    select: Sequence[str] | None = None
    expand: Mapping[str, Query] = field(default_factory=dict)
    compute: Mapping[str, Expr] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    form: str = ""  # how it is expanded: "", "/$ref" or "/$count"
    search: Expr | None = None

    def options(self) -> list[str]:
        """The options as text, not percent-encoded."""
        found = []
        if self.compute:
            found.append("$compute=" + ",".join(f"{expr.text} as {name}" for name, expr in self.compute.items()))
        if self.search is not None:
            found.append(f"$search={self.search.text}")
        if self.filter is not None:
            found.append(f"$filter={self.filter.text}")
        if self.order:
            found.append("$orderby=" + ",".join(e.text + (" desc" if descending else "") for e, descending in self.order))
        found += [f"${name}={n}" for name, n in (("top", self.top), ("skip", self.skip)) if n is not None]
        if self.count:
            found.append("$count=true")
        if self.select is not None:
            found.append("$select=" + ",".join(self.select))
        if self.expand:
            found.append("$expand=" + ",".join(name + q.form + _nested(q.options()) for name, q in self.expand.items()))
        return found + [f"@{name}={text}" for name, text in self.aliases.items()]


def _nested(options: list[str]) -> str:
    return f"({';'.join(options)})" if options else ""


def matching(query: Query, rows: Iterable[Row], env: Callable[[Row], Env]) -> list[Row]:
    """The rows for which $search and $filter are true, in the order of $orderby and then of the key."""
    conditions = [c for c in (query.search, query.filter) if c is not None]
    found = sorted((r for r in rows if all(c.value(env(r)) is True for c in conditions)), key=lambda r: r.id)
    for expr, descending in reversed(query.order):
        keyed = [(expr.value(env(r)), r) for r in found]
        keyed.sort(key=lambda pair: (pair[0] is not None, 0 if pair[0] is None else pair[0]), reverse=descending)
        found = [r for _, r in keyed]
    return found


def ordered(view: View, query: Query) -> list[Row]:
    """All rows of a collection that match, whatever the page."""
    return matching(query, view.rows[query.type], lambda r: Env(view, r, r))


def window(query: Query, rows: list[Row]) -> list[Row]:
    """What $skip and $top leave."""
    start = query.skip or 0
    return rows[start:] if query.top is None else rows[start : start + query.top]


def shown(query: Query, env: Env, page_rows: int) -> dict[str, Any]:
    """An entity as JSON has it: properties, counts and expanded navigation; a collection no longer than a page."""
    kinds = KINDS[query.type]
    names = [n for n in kinds if query.select is None or n in query.select or "*" in query.select]
    found = {n: time_text(env.row.values[n]) if kinds[n] == "time" else env.row.values[n] for n in names}
    for name, expr in query.compute.items():
        if query.select is None or name in query.select or "*" in query.select:
            found[name] = expr.value(env)
    for navigation, nested in query.expand.items():
        rows = env.view.related(env.row, navigation)
        if nested.form == "/$count":
            found[f"{navigation}@odata.count"] = len(matching(nested, rows, env.nested))
            continue
        if nested.form == "/$ref":
            chosen = window(nested, matching(nested, rows, env.nested))[:page_rows]
            found[navigation] = [{} for _ in chosen] if NAVIGATION[query.type][navigation][1] else {} if rows else None
            continue
        if NAVIGATION[query.type][navigation][1]:
            all_rows = matching(nested, rows, env.nested)
            if nested.count:
                found[f"{navigation}@odata.count"] = len(all_rows)
            found[navigation] = [shown(nested, env.nested(r), page_rows) for r in window(nested, all_rows)[:page_rows]]
        else:
            found[navigation] = shown(nested, env.nested(rows[0]), page_rows) if rows else None
    return found


def answer(view: View, query: Query, *, page_rows: int) -> list[dict[str, Any]]:
    """The whole value of a collection."""
    return [shown(query, Env(view, r, r), page_rows) for r in window(query, ordered(view, query))]
