"""The wheel and the source distribution: built from a copy of the project, installed elsewhere, and run where no repository is."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import odata_gateway
import pytest
from odata_gateway.demo import tokens
from tests.harness.gateway import START_S, free_port

ROOT = Path(__file__).parents[2]
BUILD = "from setuptools import build_meta as b; print(b.build_{0}({1!r}))"
NOT_COPIED = {".git", ".venv", ".hypothesis", "__pycache__", "build", "dist", "node_modules"}


def project_files():
    """The files of the project, without what is made from them."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_COPIED and not name.endswith(("_cache", ".egg-info"))]
        yield from (Path(folder, name) for name in files)


def copied(folder):
    """The project in another folder; links become what they lead to, as in a distribution."""
    for path in project_files():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for name in ("live_agent", "shop"):
        link = folder / "odata_gateway" / "demo" / name
        link.symlink_to(f"../../sql/{name}")
    return folder


def built(kind, source, folder):
    done = subprocess.run([sys.executable, "-c", BUILD.format(kind, str(folder))], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packaging")
    return built("sdist", copied(folder / "source"), folder)


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built from the source distribution, so that this is complete."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return built("wheel", folder / sdist.name.removesuffix(".tar.gz"), folder)


@pytest.fixture(scope="module")
def program(wheel, tmp_path_factory):
    """The command in an environment of its own, which takes the dependencies from this one and the project from the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    inner = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*install, "--prefix", str(folder), "--ignore-installed", str(wheel)], check=True, capture_output=True)
    outer = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (inner / "dependencies.pth").write_text("\n".join(outer))
    script = folder / "bin" / "odata-gateway"
    lines = script.read_text().splitlines()
    script.write_text("\n".join([f"#!{folder / 'bin' / 'python'}", *lines[1:]]) + "\n")
    return script


def run(program, *arguments, cwd):
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("ODATA_", "POSTGRES_", "PG", "PYTHON"))}
    return subprocess.run([str(program), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_wheel_has_the_model_the_sql_and_the_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    wanted = {f"odata_gateway/demo/live_agent/{path.name}" for path in (ROOT / "sql" / "live_agent").glob("*.sql")}
    wanted.add("odata_gateway/demo/shop/shop.sql")
    assert wanted | {"odata_gateway/edm/models/live_agent.json", "odata_gateway/py.typed"} <= set(names)
    assert [name for name in names if name.endswith("/LICENSE")] and not [name for name in names if name.startswith("tests")]


def test_the_source_distribution_has_what_is_needed_to_test_and_change_it(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = "LICENSE README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md ruff.toml tests/conftest.py docs/odata.md docs/images/spreadsheet.png sql/live_agent/schema.sql .ci/run"
    assert set(wanted.split()) <= names


def test_the_version_is_from_one_place(program, wheel, tmp_path):
    assert run(program, "--version", cwd=tmp_path).stdout.strip() == odata_gateway.__version__ == wheel.name.split("-")[1]
    assert f"## {odata_gateway.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_installed_program_explains_without_the_repository(program, tmp_path):
    where = run(program.with_name("python"), "-c", "import odata_gateway; print(odata_gateway.__file__)", cwd=tmp_path).stdout
    assert where.startswith(str(program.parents[1]))
    done = run(program, "explain", "Message?$top=1", cwd=tmp_path)
    assert done.returncode == 0 and '"public"."messages"' in done.stdout, done.stderr
    assert run(program, "sql", "roles", cwd=tmp_path).stdout.startswith("-- ")


@pytest.mark.parametrize(("database", "target"), [("live_agent", "Message/$count"), ("shop", "order/$count")])
def test_the_installed_demo_answers_without_the_repository(program, tmp_path, database, target):
    port = free_port()
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("ODATA_", "POSTGRES_", "PG", "PYTHON"))}
    command = [str(program), "demo", "--database", database, "--port", str(port), "--host", "127.0.0.1", "--grace-s", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        try:
            banner = next((line for line in demo.stdout if str(port) in line and "http" in line), "")
            assert banner, "the demo ended without its banner"
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)
            headers = {"Authorization": f"Bearer {tokens.ADMIN}"} if database == "live_agent" else {}
            connection.request("GET", f"/v1.0/odata/{target}", headers=headers)
            assert int(connection.getresponse().read()) > 0
            connection.close()
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.communicate(timeout=60)
