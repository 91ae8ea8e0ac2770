"""Golden cases: a request, the statements it becomes, and their arguments.

    # What the case is about.
    request: Conversation(1)/messages?$filter=status eq 1
    accounts: 1
    after: null 17                order values of the row a page starts behind; left out for a first page
    format: full 4.01 ieee754     left out for minimal 4.0; `mixed` for a set as $all reads it
    indexes: recommended          left out where none are known

    rows:                         the SQL; a line break stands for one blank
    SELECT ...
    rows arguments: [1, 100]

`count` and `parent` statements follow in the same way. `ODATA_UPDATE_CASES=1 pytest tests/cases` writes what the code says now into the files;
then read the difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from odata_gateway.compiler.compiled_query import ArgumentValues
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.db.schema.indexes import read_recommendations
from odata_gateway.edm.csdl import load_model, parse_model
from odata_gateway.edm.derive import with_types
from odata_gateway.edm.model import EntityType, Model
from odata_gateway.formats.json_encoding import json_encoding
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.query import Query
from odata_gateway.protocol.json_format import JsonFormat
from odata_gateway.sql.statement import StatementVariant, statement_kinds
from tests.harness.cluster import SQL_FOLDER

FOLDER = Path(__file__).parents[1] / "cases" / "compile"
# Where a statement is broken into lines; constants are skipped as a whole.
_BREAKS = re.compile(
    r"E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|(?<!DISTINCT) (?=FROM |WHERE |LEFT JOIN |ORDER BY |AND EXISTS |AND NOT EXISTS )", re.DOTALL
)


@dataclass(frozen=True)
class Case:
    """One case as its file has it: the head, and (SQL, arguments) by statement."""

    comment: str
    request: str
    accounts: tuple[int, ...]
    after: tuple[str | None, ...] | None
    format: str
    indexes: str
    statements: dict[str, tuple[str, list[object]]]

    @property
    def row_format(self) -> JsonFormat:
        words = self.format.split()
        level = next((w for w in words if w in ("none", "full")), "minimal")
        return JsonFormat(
            level, "4.01" if "4.01" in words else "4.0", "ieee754" in words, omits_nulls="omits" in words, names_sets="mixed" in words
        )

    @property
    def model(self) -> Model:
        return INDEXED if self.indexes else MODEL


def read(path: Path) -> Case:
    """A case; line breaks in its SQL are blanks."""
    head, *blocks = path.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    comment = "\n".join(line for line in head.splitlines() if line.startswith("#"))
    fields = dict(line.split(": ", 1) for line in head.splitlines() if not line.startswith("#"))
    after = tuple(None if k == "null" else k for k in fields["after"].split(" ")) if "after" in fields else None
    statements = {}
    for block in blocks:
        name, _, rest = block.partition(":\n")
        text, _, arguments = rest.rpartition(f"\n{name} arguments: ")
        statements[name] = text.replace("\n", " "), orjson.loads(arguments)
    accounts = tuple(int(a) for a in fields["accounts"].split())
    return Case(comment, fields["request"], accounts, after, fields.get("format", ""), fields.get("indexes", ""), statements)


def write(path: Path, case: Case) -> None:
    head = [case.comment, f"request: {case.request}", f"accounts: {' '.join(map(str, case.accounts))}"]
    if case.after is not None:
        head.append("after: " + " ".join("null" if k is None else k for k in case.after))
    if case.format:
        head.append(f"format: {case.format}")
    if case.indexes:
        head.append(f"indexes: {case.indexes}")
    blocks = ["\n".join(head)]
    for name, (text, arguments) in case.statements.items():
        blocks.append(f"{name}:\n{broken(text)}\n{name} arguments: {orjson.dumps(arguments).decode()}")
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def broken(text: str) -> str:
    """SQL in lines: some blanks outside of constants become line breaks."""
    return _BREAKS.sub(lambda match: "\n" if match.group() == " " else match.group(), text)


def bound(request: str, model: Model | None = None) -> Query:
    """A request as a bound query."""
    return Compiler(model or MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=1).compile(request).query


def compiled(request: str, accounts: tuple[int, ...], after: tuple[str | None, ...] | None = None, row_format: JsonFormat | None = None,
             model: Model | None = None) -> dict[str, tuple[str, list[object]]]:  # fmt: skip
    """The statements of a request: (SQL, arguments) by name."""
    caller = Caller("1", accounts)
    compiler = Compiler(model or MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=1)
    compiled = compiler.compile(request)
    mask = None if after is None else tuple(key is None for key in after)
    variant = StatementVariant(json_encoding(row_format or JsonFormat()), not caller.has_one_account, mask)
    values = ArgumentValues(compiled.url.values, caller, limit=100, page_rows=10, root="http://host/odata/", keys=after or ())
    found = ((kind, compiled.statement(kind, variant).bind(values)) for kind in statement_kinds(compiled.query, variant))
    return {kind: (bound.text.partition(" */ ")[2], list(bound.arguments)) for kind, bound in found}


def indexed(model: Model) -> Model:
    """The model as it is found in a database with the recommended indexes."""
    recommended = list(read_recommendations((SQL_FOLDER / "indexes.sql").read_text()))

    def known(entity_type: EntityType) -> EntityType:
        key = (entity_type.table.schema, entity_type.table.name, "btree")
        own = frozenset(index.key.columns for index in recommended if index.key[:3] == key)
        return replace(entity_type, indexes=own)

    return with_types(model, {name: known(entity_type) for name, entity_type in model.entity_types.items()})


MODEL = load_model()
INDEXED = indexed(MODEL)
UNSCOPED = parse_model(
    {
        "$Version": "4.01",
        "$EntityContainer": "plain.Service",
        "plain": {
            "thing": {
                "$Kind": "EntityType",
                "$Key": ["id"],
                "@Gateway.Table": "plain.thing",
                "@Gateway.Unscoped": True,
                "id": {"$Type": "Edm.Int32"},
                "made": {"$Type": "Edm.DateTimeOffset", "$Nullable": True, "$Precision": 6},
            },
            "Service": {"$Kind": "EntityContainer", "things": {"$Collection": True, "$Type": "plain.thing"}},
        },
    }
)
"""A table without accounts."""
