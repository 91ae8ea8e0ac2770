"""Writes the tables of docs/ that say what the code says: `.venv/bin/python docs/generate.py`.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else is
written by hand. The names of the files that changed are printed. tests/unit/test_docs.py fails if a
file is stale.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from odata_gateway.config.setting import Setting
from odata_gateway.config.settings import SETTINGS
from odata_gateway.errors import all_codes
from odata_gateway.observe.metrics import FAMILIES
from odata_gateway.url.lenient.spellings import SPELLINGS

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "odata_gateway"

GROUPS = {
    "database": "Where the data is, and how much of the database the gateway may use.",
    "access": "Who may read, and what they see.",
    "jwt": "Who signs JSON Web Tokens, and what they must say: [tokens.md](tokens.md).",
    "paging": "How many rows an answer has.",
    "limits": "What a request may ask for. The error of a refused request names the setting.",
    "http": "Where the gateway listens, its URL for clients, and how long it waits for them.",
    "agents": "What agents get, and how much at once: [Agents](connect.md#agents-mcp).",
    "operations": "Processes, restarts, logs, metrics and traces.",
}
"""The groups of settings in the order of docs/settings.md, each with its first sentence."""

ROOMS = {
    "Commands and processes": ("commands", "server"),
    "A request goes through": (
        *("web", "handlers", "compiler", "identity", "introspection", "formats", "protocol"),
        *("sql", "db", "plan", "url"),
    ),
    "What these know": ("edm", "types"),
    "Around a request": ("config", "observe", "demo"),
}
"""The folders of the package in the order in which docs/architecture.md shows them: each stands
above those that it imports."""


# --- The tables -----------------------------------------------------------------------------------


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def settings() -> Iterator[str]:
    for group, sentence in GROUPS.items():
        yield from (f"## {heading(group)}", "", sentence, "")
        rows = (
            (code(item.variable), code(item.default), item.doc, expected(item))
            for item in SETTINGS
            if item.group == group
        )
        yield from table(("variable", "default", "meaning", "value"), rows)
        yield ""


def heading(group: str) -> str:
    return group.upper() if group in ("http", "jwt") else group.capitalize()


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def expected(setting: Setting) -> str:
    """What a setting takes, in the words of the error that a wrong value gets."""
    try:
        setting.read("\0")
    except ValueError as error:
        return str(error).replace("|", "\\|")
    return "text"


def errors() -> Iterator[str]:
    rows = (
        (
            code(name),
            str(cls.status),
            str(cls.retry_after_s or ""),
            " ".join((cls.__doc__ or "").split()),
        )
        for name, cls in all_codes().items()
    )
    return table(("code", "status", "`Retry-After`", "meaning"), rows)


def metrics() -> Iterator[str]:
    rows = ((code(f.name), f.kind, ", ".join(map(code, f.labels)), f.doc) for f in FAMILIES)
    return table(("metric", "kind", "labels", "meaning"), rows)


def spellings() -> Iterator[str]:
    rows = (
        (
            spelling.what,
            spelling.who,
            ", ".join(
                f"{code(example)} as {code(strict)}" for example, strict in spelling.examples
            ),
        )
        for spelling in SPELLINGS
    )
    return table(("spelling", "who writes so", "examples"), rows)


# --- The code map ---------------------------------------------------------------------------------


def rooms() -> Iterator[str]:
    for title, names in ROOMS.items():
        yield from (f"### {title}", "")
        for name in names:
            if (PACKAGE / name).is_dir():
                yield from room(PACKAGE / name)


def room(folder: Path) -> Iterator[str]:
    """A folder's sentence and its modules in the order of its docstring; then its subfolders."""
    name = folder.relative_to(PACKAGE).as_posix()
    text = docstring(folder / "__init__.py")
    first, *_ = text.split("\n\n")
    yield from (f"**[{name}/](../odata_gateway/{name})** {' '.join(first.split())}", "")
    yield from table(("module", "what it does"), modules(folder))
    yield ""
    for below in re.findall(r"^ {4}([a-z_0-9]+)/ {2,}\S", text, re.MULTILINE):
        yield from room(folder / below)


def modules(folder: Path) -> Iterator[tuple[str, str]]:
    lines = re.findall(
        r"^ {4}([a-z_0-9]+) {2,}(\S.*(?:\n {6,}\S.*)*)",
        docstring(folder / "__init__.py"),
        re.MULTILINE,
    )
    texts = dict(lines)
    for path in sorted(folder.glob("*.py")):
        if path.stem not in ("__init__", *texts):
            texts[path.stem] = docstring(path).split("\n\n")[0].rstrip(".")
    for name, text in texts.items():
        path = folder / f"{name}.py"
        yield (
            f"[{name}](../{path.relative_to(DOCS.parent).as_posix()})",
            in_code(" ".join(text.split())),
        )


def in_code(text: str) -> str:
    """The text with OData's $names in code style: GitHub shows what is between two $ as math."""
    parts = text.split("`")
    parts[::2] = (re.sub(r"/?\$\w+", r"`\g<0>`", part) for part in parts[::2])
    return "`".join(parts)


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


# --- Files ----------------------------------------------------------------------------------------

PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "settings": settings,
    "errors": errors,
    "metrics": metrics,
    "spellings": spellings,
    "rooms": rooms,
}


def generated(text: str) -> str:
    """The text of a document with its generated parts written anew."""

    def part(found: re.Match[str]) -> str:
        lines = "\n".join(PARTS[found[1]]()).rstrip()
        return f"<!-- generated: {found[1]} -->\n{lines}\n\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", part, text, flags=re.DOTALL)


def main() -> None:
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (new := generated(text)) != text:
            path.write_text(new, encoding="utf-8")
            print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
