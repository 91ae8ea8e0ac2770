"""The requests for the sample data that the tests name: the golden cases, and all string constants that begin as a path of its service does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.harness.cases import FOLDER, read

_TESTS = Path(__file__).parents[1]
_FOLDERS = ("browser", "conformance", "deploy", "live", "long", "proxies", "trust", "unit")
_REQUEST = re.compile(r"(?:(?:Message|Conversation|User|Inbox|Label)(?![\w=])|\$all(?![\w=])|\$crossjoin\()[^\r\n\ud800-\udfff]*")


def requests_of_tests() -> list[str]:
    """Each of them once."""
    return list(dict.fromkeys([*(read(path).request for path in sorted(FOLDER.glob("*.case"))), *_named_in_modules()]))


def _named_in_modules() -> Iterator[str]:
    for path in sorted(path for folder in _FOLDERS for path in (_TESTS / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _REQUEST.fullmatch(node.value):
                yield node.value
