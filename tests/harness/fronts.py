"""deploy/nginx.conf and deploy/Caddyfile in front of gateways, as they are but for addresses, names of files and the certificate; and a client
that knows the domain's address and its certificate.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
from odata_gateway.demo import tokens
from tests.harness.faults import wait_until
from tests.harness.gateway import ROOT, Reply, free_port

DOMAIN = "odata.example.test"

_AROUND = """
daemon off; worker_processes 1; pid {folder}/pid;
{user}
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
{text}
}}
"""


def program(name: str, package: str) -> str:
    """Where a program is; the test fails where it is not."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(f"{name} is not installed; on Debian: apt-get install {package} (its service need not run)")
    return found


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """A configuration with other addresses; each of the old ones is in it."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Front:
    """A running proxy with TLS; `port` is its port on 127.0.0.1, `folder` holds its files and logs."""

    def __init__(self, command: Sequence[str], folder: Path, port: int, **environment: str) -> None:
        self.folder, self.port = folder, port
        self._context = ssl.create_default_context(cafile=str(folder / "tls.crt"))
        with (folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=os.environ | environment
            )
        wait_until(self._listens, 30)

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.logs()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def logs(self) -> str:
        """All it wrote."""
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*") if path.name == "output" or path.suffix == ".log")

    def connect(self) -> ssl.SSLSocket:
        """A new connection to the domain."""
        return self._context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 60), server_hostname=DOMAIN)

    def get(self, url: str, *, host: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Ask for a URL of the domain. OSError or HTTPException for an answer that is not whole.

        host  the Host header, where the URL's authority is not meant
        """
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname) == ("https", DOMAIN), url
        sent = {"Host": host or parts.netloc, "Authorization": f"Bearer {tokens.ADMIN}", **(headers or {})}
        with self.connect() as sock:
            connection = http.client.HTTPConnection(DOMAIN)
            connection.sock = sock
            connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=sent)
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())

    def pages(self, path: str, *, host: str | None = None) -> tuple[list[str], list[dict[str, object]]]:
        """The links that were followed, and the rows of all pages."""
        url, links, rows = f"https://{DOMAIN}:{self.port}{path}", list[str](), list[dict[str, object]]()
        while url:
            reply = self.get(url, host=host)
            assert reply.status == 200, reply.body[:2000]
            page = json.loads(reply.body)
            rows += page["value"]
            url = page.get("@odata.nextLink", "")
            links += [url] if url else []
        return links, rows

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:  # it waits for clients that are gone
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def nginx(*ports: int) -> Front:
    """deploy/nginx.conf in front of gateways on these ports."""
    folder, port = _folder(), free_port()
    servers = "\n    ".join(f"server 127.0.0.1:{one} fail_timeout=2s;" for one in ports)
    text = replaced(
        (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8"),
        {
            "server gateway:3001 fail_timeout=2s;": servers,
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "odata.example.com": DOMAIN,
            "/etc/nginx/tls/": f"{folder}/",
            "/var/log/nginx/": f"{folder}/",
        },
    )
    path = folder / "nginx.conf"
    path.write_text(_AROUND.format(folder=folder, text=text, user="user root;" if os.geteuid() == 0 else ""), encoding="utf-8")
    return Front([program("nginx", "nginx-light"), "-p", str(folder), "-c", str(path), "-e", str(folder / "error.log")], folder, port)


def caddy(*ports: int) -> Front:
    """deploy/Caddyfile in front of gateways on these ports; with a certificate of the test's, because no authority gives one here."""
    folder, port = _folder(), free_port()
    text = replaced(
        (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8"),
        {
            "\tadmin off\n": "\tadmin off\n\tauto_https disable_redirects\n",
            "\treverse_proxy ": f"\ttls {folder}/tls.crt {folder}/tls.key\n\treverse_proxy ",
        },
    )
    path = folder / "Caddyfile"
    path.write_text(text, encoding="utf-8")
    instances = " ".join(f"127.0.0.1:{one}" for one in ports)
    command = [program("caddy", "caddy"), "run", "--config", str(path), "--adapter", "caddyfile"]
    return Front(command, folder, port, GATEWAY_DOMAIN=f"{DOMAIN}:{port}", GATEWAY_INSTANCES=instances, HOME=str(folder))


def caddy_version() -> tuple[int, int]:
    text = subprocess.run([program("caddy", "caddy"), "version"], check=True, capture_output=True, text=True).stdout
    major, minor = text.lstrip("v").split(".")[:2]
    return int(major), int(minor)


def _folder() -> Path:
    """A folder with a certificate for the domain, signed by itself."""
    folder = Path(tempfile.mkdtemp(prefix="odata-gateway-front-"))
    subprocess.run(
        [program("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:{DOMAIN}", "-keyout", "tls.key", "-out", "tls.crt"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder
