"""README says what the code does: commands, settings, errors, dependencies."""

import configparser
import re
from pathlib import Path

import pytest
from odata_gateway.config.settings import SETTINGS, load
from odata_gateway.errors import all_codes

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def setting_row(setting):
    return f"| `{setting.variable}` | {f'`{setting.default}`' if setting.default else ''} | {setting.doc} |"


def error_row(code, cls):
    return f"| `{code}` | {cls.status} | {' '.join(cls.__doc__.split())} |"


def command(name):
    found = re.search(rf"<!-- {name} command -->\n```sh\n(.+)\n```", README)
    return found[1] if found else ""


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_every_setting_is_in_readme(setting):
    assert setting_row(setting) in README.splitlines()


def test_readme_names_no_setting_that_does_not_exist():
    known = {setting.variable for setting in SETTINGS} | {"ODATA_DSN_FILE"}
    assert set(re.findall(r"\bODATA_[A-Z_]*[A-Z]\b", README)) <= known


@pytest.mark.parametrize("code", sorted(all_codes()))
def test_every_error_code_is_in_readme(code):
    assert error_row(code, all_codes()[code]) in README.splitlines()


def test_readme_names_no_error_code_that_does_not_exist():
    assert set(re.findall(r"^\| `([A-Z][A-Za-z]*\.[A-Z][A-Za-z]*)` \|", README, re.MULTILINE)) == set(all_codes())


def test_commands_are_one_line_each_and_set_up_everything():
    for name in ("demo", "test"):
        assert command(name).startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert command("demo").endswith(".venv/bin/odata-gateway demo")
    assert command("test").endswith(".venv/bin/pytest -n 2 --dist loadfile")


def test_ci_runs_the_test_command_of_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "sed -n '/<!-- test command -->/,/^```$/p' README.md | sed -n '3p'" in script
    lines = README.splitlines()
    assert lines[lines.index("<!-- test command -->") + 2] == command("test")


def test_every_dependency_has_a_reason():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    names = {re.split(r"[^A-Za-z0-9_-]", line)[0] for text in listed for line in text.split("\n") if line}
    table = README.partition("## Dependencies")[2]
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", table)] == []


def test_every_promise_is_in_readme_with_its_tests():
    table = README.partition("<!-- promises -->")[2].partition("\n\n")[0]
    named = re.findall(r"`(test_t\d\d_\w+)`", table)
    assert sorted(named) == sorted(path.stem for path in (ROOT / "tests" / "trust").glob("test_t[0-9]*.py"))


def test_charts_variables_are_documented_and_known():
    named = set(re.findall(r"`(POSTGRES_[A-Z_]+|PORT|[A-Z]+_PORT|NODE_ENV|APP_VERSION|LS_DETECT_K8S)`", README))
    assert {name for setting in SETTINGS for name in setting.fallbacks} <= named
    load(dict.fromkeys(("NODE_ENV", "APP_VERSION", "LS_DETECT_K8S"), "1"))
