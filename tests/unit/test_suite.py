"""The test suite itself: every test is run by README's command or by .ci/run, and every helper is where tests/README.md says."""

import ast
import configparser
import re
from pathlib import Path

import odata_gateway
import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
CONFTESTS = sorted(TESTS.rglob("conftest.py"))


def quick_folders():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return set(config["tool:pytest"]["testpaths"].split())


def rest_folders():
    """The folders that .ci/run gives to pytest after README's command."""
    found = re.search(r"^run_tests rest .*$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    return set(re.findall(r"tests/\w+", found[0]))


def test_every_test_is_in_one_folder_that_ci_runs():
    folders = {path.relative_to(ROOT).parts[1] for path in TESTS.rglob("test_*.py")}
    assert {f"tests/{folder}" for folder in folders} == quick_folders() | rest_folders()
    assert not quick_folders() & rest_folders()


def test_the_quick_tests_start_no_program_that_python_does_not_bring():
    for folder in quick_folders():
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(r"from tests\.harness\.(fronts|pgbouncer|openid_provider) import", path.read_text(encoding="utf-8")), path


def test_conftests_have_fixtures_and_hooks_only():
    for path in CONFTESTS:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                pytest.fail(f"{path}: {node.name} belongs into tests/harness or tests/oracle")
            if isinstance(node, ast.FunctionDef) and not node.name.startswith(("pytest_", "_")):
                assert any("fixture" in ast.unparse(d) for d in node.decorator_list), f"{path}: {node.name}"


def test_nothing_imports_a_conftest():
    for path in TESTS.rglob("*.py"):
        assert not re.search(r"^from tests\.[\w.]*conftest", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_the_table_of_fixtures_is_complete():
    defined = {
        node.name
        for path in CONFTESTS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any("fixture" in ast.unparse(d) for d in node.decorator_list)
    }
    table = (TESTS / "README.md").read_text(encoding="utf-8").partition("## Fixtures")[2]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == defined


def test_the_table_of_folders_is_complete():
    table = (TESTS / "README.md").read_text(encoding="utf-8").partition("## Folders")[2].partition("## Fixtures")[0]
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name[0] not in "._"}
    assert set(re.findall(r"^\| `(\w+)/`", table, re.MULTILINE)) == folders


def test_unit_tests_lie_under_the_path_of_what_they_test():
    package = Path(odata_gateway.__file__).parent
    for path in (TESTS / "unit").rglob("test_*.py"):
        folder = path.parent.relative_to(TESTS / "unit")
        assert (package / folder).is_dir(), f"{path}: the package has no folder {folder}"


def test_helpers_are_annotated_and_test_functions_are_not():
    for path in TESTS.rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                assert node.returns is None, f"{path}:{node.lineno}: pytest calls it, by the names of its arguments"
