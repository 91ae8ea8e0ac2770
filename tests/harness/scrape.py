"""What a gateway counts, as Prometheus reads it."""

from __future__ import annotations

import re
import urllib.request


def scraped(port: int) -> str:
    """All metrics of an admin port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return answer.read().decode()


def sample_value(text: str, sample: str) -> float:
    """A sample's value; 0 for one that is not there."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
