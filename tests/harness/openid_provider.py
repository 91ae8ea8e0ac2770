"""A real OpenID provider, the npm package oidc-provider, with the sign-in of a person and of a program.

`npm ci --prefix tests/harness/oidc` installs it, which `.ci/run` does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
from tests.harness.issuer import Key
from tests.harness.ports import free_port

FOLDER = Path(__file__).parent / "oidc"
_BACK = "http://127.0.0.1/back"


class OpenIdProvider:
    """A running provider; `restart` gives it other keys.

    audience  of the tokens, unless one asks for another resource
    """

    def __init__(self, audience: str, *keys: Key) -> None:
        self.port, self.audience = free_port(), audience
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None
        self.restart(*keys)

    def __enter__(self) -> OpenIdProvider:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def restart(self, *keys: Key) -> None:
        """Go on with these keys, of which the first signs."""
        self.stop()
        self._process = subprocess.Popen(
            ["node", "provider.mjs", str(self.port), self.audience],
            cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"keys": [key.private_jwk for key in keys]}))
        self._process.stdin.close()
        for line in self._process.stdout:
            if line.strip() == "ready":
                return
        raise AssertionError("the provider has not started: is `npm ci --prefix tests/harness/oidc` done?")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def token_of_a_program(self, resource: str | None = None) -> str:
        """An access token by client credentials."""
        asked = {"grant_type": "client_credentials", "scope": "read"} | ({"resource": resource} if resource else {})
        reply = requests.post(f"{self.url}/token", data=asked, auth=("nightly", "a secret of the nightly export"), timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()["access_token"]

    def token_of_a_person(self, name: str, page: str) -> str:
        """An access token by the sign-in page, as a browser and a native program get it: with a code and PKCE."""
        verifier = secrets.token_urlsafe(40)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {"client_id": "excel", "response_type": "code", "redirect_uri": _BACK, "scope": "openid read", "resource": self.audience}
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256", "state": "s"}
        browser = requests.Session()
        code = self._code(browser, browser.get(page, params=asked, allow_redirects=False, timeout=30), name)
        asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": _BACK, "client_id": "excel", "code_verifier": verifier}
        reply = requests.post(f"{self.url}/token", data=asked, timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()["access_token"]

    def _code(self, browser: requests.Session, reply: requests.Response, name: str) -> str:
        """Follow redirects and fill in forms until the provider sends the browser back with a code."""
        for _ in range(20):
            location = reply.headers.get("Location", "")
            if location.startswith(_BACK):
                return parse_qs(urlsplit(location).query)["code"][0]
            if location:
                reply = browser.get(requests.compat.urljoin(self.url, location), allow_redirects=False, timeout=30)
                continue
            form = re.search(r'<form[^>]*action="([^"]+)"', reply.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', reply.text)
            assert form is not None and prompt is not None, reply.text[:2000]
            filled = {"prompt": prompt[1], "login": name, "password": "x"}
            reply = browser.post(requests.compat.urljoin(self.url, form[1]), data=filled, allow_redirects=False, timeout=30)
        raise AssertionError("the provider has not sent the browser back")
