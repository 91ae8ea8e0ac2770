"""`python -m tests.bench.json_web_tokens`: what a JSON Web Token costs, in microseconds of processor time: new, remembered, and forged.

Medians of five rounds of 300 tokens with the claims of an ordinary issuer (700 to 900 bytes), and of tokens of 15 kilobytes.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import jwt
from odata_gateway.errors import AuthInvalid
from odata_gateway.identity.jwt.callers import JwtCallers
from odata_gateway.identity.jwt.key_ring import KeyRing
from odata_gateway.identity.jwt.key_source import KeySource
from odata_gateway.identity.jwt.settings import JwtSettings
from tests.harness.issuer import KINDS, SECRET, AnyRole, Key, claims

ROUNDS, TOKENS = 5, 300
USUAL = {"iss": "https://issuer.example.com", "aud": "https://odata.example.com", "scp": "read", "name": "Ada Lovelace", "pad": "x" * 200}


async def callers_of(keys: list[Key], path: Path) -> JwtCallers:
    path.write_text(json.dumps({"keys": [key.jwk for key in keys]}))
    settings = JwtSettings(secret=SECRET, jwks=str(path), audience=(USUAL["aud"],))
    callers = JwtCallers(settings, KeyRing(KeySource(settings), refresh_s=300), AnyRole())
    await callers.ring.refresh()
    return callers


async def cost_us(callers: JwtCallers, tokens: list[str]) -> float:
    """Of one token."""
    began = time.process_time()
    for token in tokens:
        with suppress(AuthInvalid):
            await callers.caller(token)
    return (time.process_time() - began) / len(tokens) * 1e6


async def main(path: Path) -> None:
    keys = [Key(name, name) for name in KINDS]
    callers = await callers_of(keys, path)
    print(f"{'':8}{'bytes':>8}{'new':>8}{'remembered':>12}{'forged':>8}")
    signers = {key.algorithm: key.sign for key in keys} | {"HS256": lambda found: jwt.encode(found, SECRET, "HS256")}
    for pad in (200, 10_800):
        for name, sign in signers.items():
            tokens = [sign(claims(**USUAL | {"pad": "x" * pad}, jti=str(n))) for n in range(TOKENS)]
            forged = [token[:-8] + "AAAAAAAA" for token in tokens]
            new, known, wrong = [], [], []
            for _ in range(ROUNDS):
                callers.forget()
                new.append(await cost_us(callers, tokens))
                known.append(await cost_us(callers, tokens))
                wrong.append(await cost_us(callers, forged))
            costs = (statistics.median(taken) for taken in (new, known, wrong))
            print(f"{name:8}{len(tokens[0]):>8}" + "".join(f"{cost:>{width}.1f}" for cost, width in zip(costs, (8, 12, 8), strict=True)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "jwks.json"))
