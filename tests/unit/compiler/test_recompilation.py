"""What was in use of one model is compiled for the next, in steps between which requests are answered."""

import asyncio
import json
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import odata_gateway
import pytest
from odata_gateway.compiler import recompilation
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.recompilation import Recompilation, recompiled
from odata_gateway.edm.csdl import load_model, parse_model
from odata_gateway.formats.json_encoding import json_encoding
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.json_format import JsonFormat
from odata_gateway.sql.statement import StatementVariant, statement_kinds

MODEL = load_model()
BUILT_IN = (Path(odata_gateway.__file__).parent / "edm" / "models" / "live_agent.json").read_text(encoding="utf-8")
TARGETS = (
    "Message(1)",
    "Message?$filter=status eq 1&$top=5&$count=true",
    "Conversation?$expand=messages($top=2)",
    "Label?$top=3&$orderby=title",
    'Message?$search=invoice "is due" OR NOT paid&$top=1',
)
FIRST = StatementVariant(json_encoding(JsonFormat()))
LATER = FIRST._replace(null_mask=(False,))
LATER_OF_TWO = FIRST._replace(null_mask=(False, False))
"""Behind order values: one for each property that rows are ordered by."""


def with_other_titles():
    """The model, in which the title of labels has another name."""
    model = json.loads(BUILT_IN)
    label = model["LiveAgent"]["Label"]
    label["name"] = label.pop("title") | {"@Gateway.Column": "title"}
    return parse_model(model)


def compiler(model=MODEL, entries=512):
    return Compiler(model, limits=Limits(), max_url_bytes=16_384, cache_entries=entries)


def asked(query, variants):
    return [v for v in variants if v.null_mask is None or len(v.null_mask) == len(query.query.order)]


def use(used, targets=TARGETS, variants=(FIRST,)):
    """Compile what requests need, in their order."""
    for target in targets:
        query = used.compile(target)
        for variant in asked(query, variants):
            for kind in statement_kinds(query.query, variant):
                query.statement(kind, variant)
    return used


def kept(used):
    """The keys in a cache without the versions of their models."""

    def plain(key):
        return (plain(key[0]), *key[1:]) if isinstance(key[0], tuple) else key[0]

    return {plain(key) for key, _ in used.cache.used()}


def test_queries_and_their_statements_are_compiled():
    before = use(compiler(), variants=(FIRST, FIRST._replace(many_accounts=True)))
    before.compile("Message(1)").lookups(FIRST)
    after = compiler(with_other_titles())
    steps = list(recompiled(before, after))
    others = {key for key in kept(before) if "Label" not in str(key)}
    assert kept(after) == others and len(others) >= 11
    assert steps.count(True) == 4 and len(steps) == len(others) + 1  # a step in vain, for labels


def test_what_follows_is_what_a_request_gets():
    variants = FIRST, LATER, LATER_OF_TWO
    after = compiler()
    list(recompiled(use(compiler(), variants=variants), after))
    fresh = use(compiler(), variants=variants)
    entries = len(after.cache)
    for target in TARGETS:
        for variant in asked(after.compile(target), variants):
            assert after.compile(target).statement("rows", variant) == fresh.compile(target).statement("rows", variant)
    assert len(after.cache) == entries


def test_what_follows_order_values_of_another_model_is_left_out():
    target = "Label?$orderby=title"
    before = use(compiler(), [target], (FIRST, LATER_OF_TWO))
    compiled = compiler().compile("Label?$orderby=id")
    for names in (key[1:] for key, _ in before.cache.used() if isinstance(key[0], tuple)):
        compiled.compile_kept(names)
    variants = [key[2] for key, _ in compiled.cache.used() if isinstance(key[0], tuple)]
    assert len(compiled.query.order) == 1 and variants and all(v.null_mask is None for v in variants)


def test_no_more_than_half_of_the_cache_is_compiled_and_what_was_used_last_first(monkeypatch):
    targets = [f"Message?$select=id&$filter=status eq {number} {'or status eq 2 ' * number}".strip() for number in range(8)]
    before = use(compiler(), targets)
    after = compiler(entries=8)
    list(recompiled(before, after))
    assert kept(after) == kept(use(compiler(), targets[-2:]))
    monkeypatch.setattr(recompilation, "MOST_QUERIES", 3)
    steps = list(recompiled(before, compiler()))
    assert steps.count(True) == 3


def test_a_template_holds_nothing_of_a_request():
    used = compiler()
    used.compile("Message?$filter=content eq 'Quetzal'&$skiptoken=Quetzal&$search=Quetzal \"Quetzal\" OR Quetzal&$orderby=id")
    [(_, template)] = used.cache.used()
    assert "Quetzal" not in repr((template.key, template.path, template.options, template.transport))
    assert "skiptoken" in template.key


@pytest.mark.parametrize("pairs", [1, 3])
async def test_others_run_between_two_steps(pairs):
    """Models exchanged while an earlier exchange is worked on are compiled one after another."""
    compilers = [use(compiler()), *(compiler() for _ in range(pairs))]
    work, turns = Recompilation(), 0
    for before, after in pairwise(compilers):
        work.ask(before, after)
    running = asyncio.create_task(work.run())
    sizes = []
    while len(compilers[-1].cache) < len(compilers[0].cache):
        turns += 1
        sizes.append(sum(len(each.cache) for each in compilers[1:]))
        await asyncio.sleep(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert [kept(each) for each in compilers[1:]] == [kept(compilers[0])] * pairs
    assert {after - before for before, after in pairwise(sizes)} <= {0, 1}
