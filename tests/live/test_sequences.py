"""The gateway's answers to generated sequences of transformations are the oracle's, page by page; numbered like those of test_oracle."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.harness.sample import CALLERS
from tests.live.test_oracle import QUERIES, SEED
from tests.oracle.queries import encoded
from tests.oracle.sequences import REFUSED, SequenceMaker, entities_of, flat

TYPES = ("Conversation", "Inbox", "Conversation", "Label", "User", "Message")


@pytest.mark.parametrize("number", range(QUERIES // 3))
def test_a_generated_sequence_makes_what_the_oracle_makes(gateway, views, number):
    type_, token = TYPES[number % len(TYPES)], CALLERS[number % 4 % 3]
    maker = SequenceMaker(f"{SEED} sequence {number}", type_)
    made = maker.sequence(maker.start(), maker.random.choice((1, 2, 3)), 2)
    target = f"{type_}?{encoded([f'$apply={made.text}', '$count=true'])}"
    reply = gateway.get(target, token=token)
    if reply.status != 200:
        error = reply.json()["error"]
        assert error["code"].startswith("Limit.") or (reply.status == 501 and any(text in error["message"] for text in REFUSED)), target
        return
    items = made.step(views[token], entities_of(views[token], type_), ())
    size = max(1, len(items) // 4) if number % 3 == 0 else 1000
    pages = gateway.pages(target, token=token, headers={"Prefer": f"odata.maxpagesize={size}"})
    rows = [flat(row, type_) for page in pages for row in page]
    assert Counter(rows) == Counter(item.shown() for item in items), target
    assert reply.json()["@odata.count"] == len(items), target
    if made.known.sorted:
        assert rows == [item.shown() for item in sorted(items, key=lambda item: item.place)], target
