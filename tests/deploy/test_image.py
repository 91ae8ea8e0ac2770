"""What goes into the image, as far as that can be said without building it; deploy/prove_image.py builds and runs it."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.harness.gateway import ROOT, free_port

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def asked_for(*extras):
    """The requirements of setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    texts = [setup["options"]["install_requires"], *(setup["options.extras_require"][extra] for extra in extras)]
    return [Requirement(line) for text in texts for line in text.split("\n") if line.strip()]


def built_with():
    return [Requirement(line) for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]]


def locked(name):
    """The entries of a requirements file: name, version and number of hashes."""
    text = (DEPLOY / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [
        re.match(r"([A-Za-z0-9._-]+)==(\S+)((?: ;.*?)?)\s+(--hash=.*)", line) for line in text.splitlines() if line and line[0] not in " #"
    ]
    assert all(entries)
    return {canonicalize_name(entry[1]): (entry[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}(?!\S)", entry[4]))) for entry in entries}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("requirements.txt", asked_for("fast", "jwt")),
        ("requirements-otel.txt", asked_for("fast", "jwt", "otel")),
        ("requirements-build.txt", built_with()),
    ],
    ids=["runs", "sends traces", "builds"],
)
def test_every_package_is_there_in_one_version_with_hashes(name, wanted):
    """Where this fails, `deploy/lock` writes the files anew."""
    found = locked(name)
    assert all(hashes for _, hashes in found.values())
    for requirement in wanted:
        version, _ = found[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_packages_come_from_whatever_index_the_builder_uses():
    for path in DEPLOY.glob("requirements*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text and not re.search(r"^--", text, re.MULTILINE)


def test_the_dockerfile_installs_nothing_that_is_not_hashed():
    installs = re.findall(r"pip (?:--python \S+ )?(?:install|wheel) ([^&\n]*)", DOCKERFILE)
    assert len(installs) == 4
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)


def test_the_last_stage_has_no_tools_and_no_root():
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"apt-get install -y --no-install-recommends ([^\\\n]*)", last) == ["python3 "]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE) and "STOPSIGNAL SIGTERM" in last


def test_the_last_stage_knows_the_certificate_authorities():
    """Debian's Python finds them in a folder of the package openssl, which is not there."""
    build, _, last = DOCKERFILE.rpartition("\nFROM ")
    file = re.search(r"SSL_CERT_FILE=(\S+)", last)[1]
    assert f"COPY --from=build {file} {file}" in last and "ca-certificates" in build


def test_what_the_dockerfile_copies_is_sent_to_the_builder():
    sent = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent >= {"LICENSE", "README.md", "odata_gateway", "pyproject.toml", "setup.cfg", "sql", "deploy/healthcheck.py"}
    assert [name for name in sent if not list(ROOT.glob(name))] == []


def healthcheck(**variables):
    """As the image runs it."""
    command = re.search(r'^HEALTHCHECK .*CMD \["python3", "(-\w+)", "/app/(\w+\.py)"\]$', DOCKERFILE, re.MULTILINE)
    assert command
    return subprocess.run(
        [sys.executable, command[1], str(DEPLOY / command[2])], env=variables, check=False, capture_output=True, timeout=30
    )


def test_the_healthcheck_finds_the_gateway_where_its_settings_put_it(gateway):
    assert healthcheck(ODATA_PORT=str(gateway.port)).returncode == 0
    assert healthcheck(PORT=str(gateway.port)).returncode == 0
    failed = healthcheck(ODATA_PORT=str(free_port()))
    assert failed.returncode == 1 and b"Traceback" not in failed.stderr
