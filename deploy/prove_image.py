"""Proves deploy/Dockerfile where no Docker and no image registry is: builds it from the last
commit, and runs what came out.

    sudo .venv/bin/python deploy/prove_image.py                     a few minutes; Debian: apt-get
                                                                    install podman debootstrap
                                                                    bubblewrap
    ... --base debian:bookworm-slim                                 where a registry can be reached
    ... --requirements requirements-otel.txt                        the image that can send traces

The base is Debian's minimal system, made by debootstrap and slimmed as Debian's own image is.
`podman build` runs every step of the Dockerfile. No engine runs containers here, so bubblewrap does
what one would: the image's files as a read-only root without anything writable, its user without
capabilities and without a way to get any, its entry point as process 1, its variables and no
others. Postgres with the sample data is on the host's loopback. Ends with status 1 at the first
thing that is not as it should be.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from odata_gateway.demo import tokens
from odata_gateway.demo.cluster import DATABASE, READER, Cluster

ROOT = Path(__file__).parents[1]
MOST_BYTES = 150_000_000
FIRST_URL = "/v1.0/odata/Conversation?$top=3&$expand=assignee"
"""The one that the demo prints."""
FORBIDDEN = ("gcc", "cc", "g++", "clang", "as", "ld", "make", "strip", "pip", "pip3", "curl")
NEEDED = {"podman": "podman", "debootstrap": "debootstrap", "bwrap": "bubblewrap", "git": "git"}
_SLIMMED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "var/cache/apt/archives",
    "var/lib/apt/lists",
)


class Fault(Exception):
    """Something is not as it should be."""


def claim(holds: object, text: str) -> None:
    if not holds:
        raise Fault(text)
    print("  ok:", text, flush=True)


def run(*command: str, quiet: bool = True, **options: Any) -> str:
    """The output of a command that succeeds."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE if quiet else sys.stderr, text=True, check=False, **options
    )
    if done.returncode:
        raise Fault(f"{' '.join(command[:4])} ... ended with status {done.returncode}")
    return (done.stdout or "").strip()


class Builder:
    """podman with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._podman = (
            "podman",
            "--root",
            f"{folder}/store",
            "--runroot",
            f"{folder}/run",
            "--tmpdir",
            f"{folder}/tmp",
        )

    def podman(self, *arguments: str, quiet: bool = True, **options: Any) -> str:
        return run(*self._podman, *arguments, quiet=quiet, **options)

    def base(self) -> str:
        """An image like debian:bookworm-slim."""
        system = self.folder / "debian"
        run("debootstrap", "--variant=minbase", "bookworm", str(system), quiet=False)
        for name in _SLIMMED:
            shutil.rmtree(system / name, ignore_errors=True)
            (system / name).mkdir(parents=True, exist_ok=True)
        run("tar", "-C", str(system), "-cf", f"{self.folder}/debian.tar", ".")
        self.podman("import", "-q", f"{self.folder}/debian.tar", "localhost/debian:bookworm-slim")
        return "localhost/debian:bookworm-slim"

    def build(self, base: str, requirements: str) -> None:
        source = self.folder / "source"
        source.mkdir()
        archive = subprocess.run(
            ["git", "-c", "safe.directory=*", "archive", "HEAD"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        subprocess.run(["tar", "-x", "-C", str(source)], input=archive, check=True)
        revision = run("git", "-c", "safe.directory=*", "rev-parse", "HEAD", cwd=ROOT)
        given = {"BASE": base, "REQUIREMENTS": requirements, "REVISION": revision}
        arguments = [
            word for name, text in given.items() for word in ("--build-arg", f"{name}={text}")
        ]
        arguments += ["--isolation", "chroot", "--format", "docker"]
        self.podman(
            "build",
            *arguments,
            *self._trust(),
            "-f",
            "deploy/Dockerfile",
            "-t",
            "odata-gateway",
            ".",
            cwd=source,
            quiet=False,
        )

    def _trust(self) -> tuple[str, ...]:
        """What pip needs here to reach its index: the certificates that this machine's pip is told
        to believe."""
        certificates = os.environ.get("PIP_CERT")
        if not certificates:
            return ()
        (self.folder / "pip.conf").write_text("[global]\ncert = /etc/certificates-of-the-host\n")
        return (
            "-v",
            f"{certificates}:/etc/certificates-of-the-host:ro",
            "-v",
            f"{self.folder}/pip.conf:/etc/pip.conf:ro",
        )

    def close(self) -> None:
        self.podman("image", "unmount", "--all")
        self.podman("rmi", "--all", "--force")
        shutil.rmtree(self.folder, ignore_errors=True)


class Image:
    """What was built: its configuration, its files, and commands run as a container would."""

    def __init__(self, builder: Builder) -> None:
        (inspected,) = json.loads(builder.podman("image", "inspect", "odata-gateway"))
        self.bytes: int = inspected["Size"]
        self.config: dict[str, Any] = inspected["Config"]
        self.health: list[str] = inspected["Healthcheck"]["Test"]
        self.files = Path(builder.podman("image", "mount", "odata-gateway"))

    def command(self, *inner: str, **variables: str) -> list[str]:
        """The host's command that runs one in the image."""
        user, group = self.config["User"].split(":")
        environment = dict(text.split("=", 1) for text in self.config["Env"]) | variables
        sandbox = [
            "bwrap",
            "--ro-bind",
            str(self.files),
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--remount-ro",
            "/dev",
        ]
        sandbox += [
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--as-pid-1",
            "--die-with-parent",
            "--cap-add",
            "ALL",
        ]
        sandbox += ["--chdir", "/", "--clearenv"]
        for name, text in environment.items():
            sandbox += ["--setenv", name, text]
        drop = [
            "setpriv",
            f"--reuid={user}",
            f"--regid={group}",
            "--clear-groups",
            "--no-new-privs",
            "--bounding-set=-all",
            "--inh-caps=-all",
        ]
        return [*sandbox, *drop, *inner]

    def try_(self, *inner: str, **variables: str) -> int:
        return subprocess.run(
            self.command(*inner, **variables), check=False, capture_output=True
        ).returncode

    @contextmanager
    def serving(self, **variables: str) -> Iterator[psutil.Process]:
        """The image's own command, until the gateway's process is there."""
        inner = [*self.config["Entrypoint"], *self.config["Cmd"]]
        with subprocess.Popen(self.command(*inner, **variables)) as outer:
            try:
                yield _only_child(outer.pid)
            finally:
                outer.kill()


def _only_child(pid: int) -> psutil.Process:
    """bwrap's child, once it is the gateway."""
    for _ in range(200):
        found = [
            child
            for child in psutil.Process(pid).children()
            if "odata-gateway" in " ".join(child.cmdline()[:3])
        ]
        if (
            found
            and "setpriv" not in found[0].cmdline()[0]
            and "bwrap" not in found[0].cmdline()[0]
        ):
            return found[0]
        time.sleep(0.05)
    raise Fault("the gateway did not start")


def look_at(image: Image) -> None:
    """What the image is, without running it."""
    labels = image.config["Labels"]
    claim(image.bytes < MOST_BYTES, f"{image.bytes / 1e6:.0f} MB, less than {MOST_BYTES / 1e6:.0f}")
    claim(
        image.config["User"].split(":")[0] not in ("", "0", "root"),
        f"its user is {image.config['User']}",
    )
    claim(image.config["StopSignal"] in ("SIGTERM", "15"), "its stop signal is SIGTERM")
    claim(
        {"title", "version", "revision", "licenses"}
        <= {name.rpartition(".")[2] for name in labels},
        "it has OCI labels",
    )
    found = [
        name
        for name in FORBIDDEN
        for place in ("usr/bin", "usr/local/bin", "app/bin")
        if os.path.lexists(image.files / place / name)
    ]
    claim(not found, f"it has none of {', '.join(FORBIDDEN)}")
    raised = [
        path
        for path in image.files.rglob("*")
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6000
    ]
    claim(not raised, "no file of it runs as another user")


def try_out(image: Image, dsn: str, workers: str) -> None:
    """What the gateway does in it."""
    port = _free_port()
    variables = {
        "ODATA_DSN": dsn,
        "ODATA_PORT": str(port),
        "ODATA_WORKERS": workers,
        "ODATA_GRACE_S": "0",
    }
    health = image.health[1:]
    with image.serving(**variables) as process:
        status, body = _first_answer(port, process)
        print(f"  {time.time() - process.create_time():.1f} s from its start to its first answer")
        claim(
            status == 200 and len(body["value"]) == 3,
            f"the demo's first URL answers with 3 rows, by {workers} server process(es)",
        )
        claim("assignee" in body["value"][0], "which have their assignee with them")
        for one in (process, *process.children()):
            facts = dict(
                line.split(":\t", 1)
                for line in Path(f"/proc/{one.pid}/status").read_text().splitlines()
                if ":\t" in line
            )
            user = facts["Uid"].split()
            claim(
                set(user) == {"10001"}
                and int(facts["CapEff"], 16) == 0
                and facts["NoNewPrivs"] == "1",
                f"process {one.pid} is not root",
            )
            mounts = [
                line.split() for line in Path(f"/proc/{one.pid}/mountinfo").read_text().splitlines()
            ]
            writable = [
                words[4]
                for words in mounts
                if "ro" not in words[5].split(",") and not words[4].startswith(("/proc", "/dev/"))
            ]
            claim(not writable, f"process {one.pid} has no file system that can be written")
        claim(image.try_(*health, **variables) == 0, "HEALTHCHECK succeeds")
        process.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs([process], timeout=20)
        claim(not alive, "it ends after SIGTERM")
    claim(image.try_(*health, **variables) == 1, "HEALTHCHECK fails where nothing answers")


def _first_answer(port: int, process: psutil.Process) -> tuple[int, Any]:
    while process.is_running() and time.time() - process.create_time() < 60:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(
                "GET", FIRST_URL, headers={"Authorization": f"Bearer {tokens.ADMIN}"}
            )
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
    raise Fault("the gateway does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", help="the base image, where a registry can be reached")
    parser.add_argument(
        "--requirements",
        default="requirements.txt",
        help="the file of deploy/ that names the packages",
    )
    options = parser.parse_args(arguments)
    missing = [
        package
        for program, package in NEEDED.items()
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None
    ]
    if missing or os.geteuid() != 0:
        packages = " ".join(missing or NEEDED.values())
        print(
            f"this needs root, and these programs (Debian: apt-get install {packages})",
            file=sys.stderr,
        )
        return 1
    builder = Builder(Path(tempfile.mkdtemp(prefix="odata-gateway-image-")))
    try:
        builder.build(options.base or builder.base(), options.requirements)
        image = Image(builder)
        look_at(image)
        port = _free_port()
        with Cluster.start({"listen_addresses": "127.0.0.1", "port": str(port)}) as postgres:
            postgres.load()
            for workers in ("1", "2"):
                try_out(image, f"postgresql://{READER}@127.0.0.1:{port}/{DATABASE}", workers)
    except Fault as fault:
        print("not so:", fault, file=sys.stderr)
        return 1
    finally:
        builder.close()
    print("the image is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
