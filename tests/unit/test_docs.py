"""The documents say what the code does: commands, settings, errors, dependencies, modules, links."""

import asyncio
import configparser
import re
from functools import cache
from importlib import import_module
from itertools import dropwhile, takewhile
from pathlib import Path

import pytest
from docs import generate
from odata_gateway.config.settings import SETTINGS
from odata_gateway.config.sources import load
from odata_gateway.errors import STAGES, all_codes
from tests.bench.trace import traced
from tests.unit.test_house import MAY_IMPORT

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PACKAGE = ROOT / "odata_gateway"


@cache
def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


README = page("README.md")
ALL = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)


def shown(path):
    return path.relative_to(ROOT).as_posix()


def rows_of(name, text):
    return [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]


def command(name):
    found = re.search(rf"<!-- {name} command -->\n```sh\n(.+)\n```", README)
    return found[1] if found else ""


# --- README ---------------------------------------------------------------------------------------


def test_readme_is_short_and_leads_to_every_page():
    assert len(README.splitlines()) <= 120
    missing = [shown(path) for path in PAGES if f"({shown(path)})" not in README]
    assert missing == ["README.md"]


def test_commands_are_one_line_each_and_set_up_everything():
    for name in ("demo", "test"):
        assert command(name).startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert command("demo").endswith(".venv/bin/odata-gateway demo")
    assert command("test").endswith(".venv/bin/pytest -n 3 --dist loadfile")


def test_ci_runs_the_test_command_of_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "sed -n '/<!-- test command -->/,/^```$/p' README.md | sed -n '3p'" in script
    lines = README.splitlines()
    assert lines[lines.index("<!-- test command -->") + 2] == command("test")


def test_the_picture_is_small_enough_to_load_at_once():
    assert 10_000 < (ROOT / "docs" / "images" / "spreadsheet.png").stat().st_size < 200_000


# --- generated parts ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [p for p in PAGES if "<!-- generated:" in p.read_text()], ids=shown)
def test_generated_parts_are_up_to_date(path):
    """Where this fails, run `.venv/bin/python docs/generate.py`."""
    text = path.read_text(encoding="utf-8")
    assert generate.generated(text) == text


def test_every_generated_part_stands_somewhere():
    assert sorted(re.findall(r"<!-- generated: (\w+) -->\n", ALL)) == sorted(generate.PARTS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_every_setting_has_one_row_with_its_default_and_meaning(setting):
    (row,) = rows_of(setting.variable, page("docs/settings.md"))
    default = f"`{setting.default}`" if setting.default else ""
    assert row.startswith(f"| `{setting.variable}` | {default} | {setting.doc} |")


def test_settings_stand_in_the_groups_of_the_table_in_its_order():
    assert set(generate.GROUPS) == {setting.group for setting in SETTINGS}
    named = re.findall(r"^\| `(ODATA_\w+)` \|", page("docs/settings.md"), re.MULTILINE)
    assert named == [setting.variable for setting in SETTINGS]


@pytest.mark.parametrize("code", sorted(all_codes()))
def test_every_error_code_has_one_row_with_its_status_and_meaning(code):
    table = page("docs/errors.md").partition("<!-- generated: errors -->")[2].partition("<!-- end -->")[0]
    (row,) = rows_of(code, table)
    cls = all_codes()[code]
    assert row.startswith(f"| `{code}` | {cls.status} |")
    assert row.endswith(f"| {' '.join(cls.__doc__.split())} |")


def test_what_to_do_is_said_for_each_stage_that_finds_errors():
    table = page("docs/errors.md").partition("## What to do")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)\.` \|", table, re.MULTILINE) == list(STAGES)


# --- names in the documents exist -----------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_no_setting_is_named_that_does_not_exist(path):
    known = {setting.variable for setting in SETTINGS} | {"ODATA_UPDATE_CASES"}
    known |= {f"{setting.variable}_FILE" for setting in SETTINGS if setting.secret}
    assert set(re.findall(r"\bODATA_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_no_error_code_is_named_that_does_not_exist(path):
    stages = "|".join(sorted({code.partition(".")[0] for code in all_codes()}))
    named = re.findall(rf"`((?:{stages})\.[A-Z]\w*)`", path.read_text(encoding="utf-8"))
    assert set(named) <= set(all_codes())


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_files_of_the_project_that_are_named_exist(path):
    """A name in code style that begins with a folder of the project."""
    folders = "odata_gateway|tests|docs|deploy|sql/live_agent|\\.ci"
    text = path.read_text(encoding="utf-8")
    named = re.findall(rf"(?<=[` ])((?:{folders})/[\w./-]*\w)(?=[` ])", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_charts_variables_are_documented_and_known():
    pattern = r"`(POSTGRES_[A-Z_]+|PORT|[A-Z]+_PORT|NODE_ENV|APP_VERSION|LS_DETECT_K8S)`"
    named = set(re.findall(pattern, page("docs/settings.md")))
    assert {name for setting in SETTINGS for name in setting.fallbacks} <= named
    load(dict.fromkeys(("NODE_ENV", "APP_VERSION", "LS_DETECT_K8S"), "1"))


def test_every_annotation_of_models_is_documented():
    source = "\n".join(path.read_text() for path in (PACKAGE / "edm").glob("*.py"))
    used = set(re.findall(r"@Gateway\.[A-Z]\w+", source))
    assert used and set(re.findall(r"`(@Gateway\.[A-Z]\w+)`", page("docs/schemas.md"))) == used


def test_every_dependency_has_a_reason():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    lines = [line for text in listed for line in text.split("\n") if line]
    names = {re.split(r"[^A-Za-z0-9_-]", line)[0] for line in lines}
    table = page("CONTRIBUTING.md").partition("## Dependencies")[2].partition("\n## ")[0]
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", table)] == []


def promised(mark):
    """The paths of the tests of each promise in a table of docs/reliability.md."""
    table = page("docs/reliability.md").partition(f"<!-- {mark} -->")[2].partition("\n\n")[0]
    return [re.findall(r"\]\(\.\./(tests/[\w/]+\.py)\)", row.rpartition(" | ")[2]) for row in table.splitlines()[3:]]


def test_every_promise_names_its_tests_and_every_test_of_a_promise_is_named():
    rows = promised("promises")
    tests = (ROOT / "tests" / "trust").glob("test_t[0-9]*.py")
    assert len(rows) >= 24 and all(rows)
    assert sorted(name for row in rows for name in row) == sorted(shown(path) for path in tests)
    further = promised("further promises")
    assert len(further) >= 6 and all(further)
    others = [*(ROOT / "tests" / "trust").glob("test_p[0-9]*.py"), *(ROOT / "tests" / "proxies").glob("test_*.py")]
    assert {shown(path) for path in others} <= {name for row in further for name in row}


# --- the code map ---------------------------------------------------------------------------------


def test_the_code_map_names_every_module_once():
    text = page("docs/architecture.md").partition("## Code map")[2].partition("\n## ")[0]
    named = re.findall(r"\]\(\.\./odata_gateway/([\w/]+\.py)\)", text)
    modules = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    wanted = sorted(name for name in modules if not name.rpartition("/")[2].startswith("__"))
    assert sorted(named) == wanted


def test_each_room_of_the_code_map_stands_above_those_that_it_imports():
    rooms = [room for names in generate.ROOMS.values() for room in names]
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(rooms) == folders and len(rooms) == len(folders)
    for number, room in enumerate(rooms):
        below = {name.partition(".")[0] for name in MAY_IMPORT[room]} & folders
        assert below <= set(rooms[number + 1 :]), room


# --- names of the code in docs/architecture.md -------------------------------------------------------

ARCHITECTURE = page("docs/architecture.md")


def rows_after(mark):
    """The rows of the table behind a mark or heading, without its head."""
    lines = ARCHITECTURE.partition(f"{mark}\n")[2].splitlines()
    table = list(takewhile(lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), lines)))
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def found(module, name):
    """A class, function or method of the package by its dotted name."""
    value = import_module(f"odata_gateway.{module}")
    for part in name.split("."):
        value = getattr(value, part)
    return value


def test_the_line_names_functions_that_exist_and_values_that_they_give():
    block = ARCHITECTURE.partition("<!-- line -->\n")[2].partition("`odata-gateway explain")[0]
    steps = re.findall(r"^ +(?:-> )?([a-z_.]+)\.([A-Z]\w+(?:\.\w+)?|[a-z]\w*) +(\w+)", block, re.MULTILINE)
    assert len(steps) == 12
    for module, name, value in steps:
        step = found(module, name)
        if value[0].isupper():
            assert value in str(step.__annotations__["return"]), (module, name)


def test_the_way_of_a_request_is_that_of_a_warm_request(reader_dsn):
    """Each step is called in the order of the table, and by the module that the table names; the way goes down the line."""
    url = re.search(r"^`GET /v1.0/odata/(\S+)` through the code", ARCHITECTURE, re.MULTILINE)[1]
    way = asyncio.run(traced(reader_dsn, url))
    calls = [(call.module, call.code.co_qualname, call.caller) for call in way.calls]
    steps = []
    for step, caller, _ in rows_after("<!-- way -->"):
        module, name = re.search(r"odata_gateway/([\w/]+)\.py\) `([\w.]+)`", step).groups()
        caller = "" if caller == "aiohttp" else caller.removesuffix(".py")
        steps.append((module.replace("/", "."), name, caller.replace("/", ".")))
    assert len(steps) >= 15
    assert [call for call in calls if call in steps] == steps
    assert not way.returns_by_room()
    assert len(way.returns_by_line()) <= 3


def test_words_of_the_glossary_are_words_of_the_code():
    source = "\n".join(path.read_text(encoding="utf-8") for path in [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
    text = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", source)).lower()
    heads = [row[0] for row in rows_after("## Glossary")]
    assert len(heads) >= 45 and heads == sorted(heads)
    words = [word for head in heads for word in head.split(", ")]
    assert [word for word in words if word.lower() not in text] == []


# --- links ----------------------------------------------------------------------------------------


@cache
def anchors(path):
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def relative_links(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^()\s]+)\)", text)
    return [target for target in targets if not re.match(r"https?:|mailto:", target)]


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_links_lead_to_files_and_headings_that_exist(path):
    wrong = []
    for target in relative_links(path):
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            wrong.append(target)
    assert wrong == []
