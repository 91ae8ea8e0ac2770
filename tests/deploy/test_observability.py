"""The dashboard and the alerts ask for metrics that exist, with labels that they have, in PromQL that parses; docs/operate.md lists all metrics."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml
from odata_gateway.config.settings import SETTINGS
from odata_gateway.observe.counters import STAGES
from odata_gateway.observe.metrics import FAMILIES

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "odata-gateway.json").read_text())
GROUPS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yaml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]
SCRAPED = {"job", "instance", "pod", "namespace"}
"""Labels that Prometheus adds."""


def samples():
    """Every series name that /metrics can show, with the labels it has."""
    for family in FAMILIES:
        own = set(family.labels) | SCRAPED
        if family.kind == "histogram":
            yield from ((f"{family.name}_bucket", own | {"le"}), (f"{family.name}_sum", own), (f"{family.name}_count", own))
        else:
            yield family.name, own


SAMPLES = dict(samples())


def parsed(expression):
    """A dashboard's variables are Grafana's to fill."""
    return promql_parser.parse(expression.replace("$__rate_interval", "5m").replace("$instance", ".*"))


def selectors(expression):
    """Every (name, matchers) of an expression."""
    text = parsed(expression).prettify()
    found = re.findall(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}", text)
    bare = re.findall(r"\b(odata_[a-z_]+)\b(?!\{)", text)
    return [*found, *((name, "") for name in bare)]


@pytest.mark.parametrize("expression", sorted(set(EXPRESSIONS)))
def test_expressions_parse_and_name_what_exists(expression):
    found = selectors(expression)
    assert found
    for name, matchers in found:
        assert name in SAMPLES, name
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) <= SAMPLES[name]
        assert set(re.findall(r'stage="(\w+)"', matchers)) <= set(STAGES)
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in labels.split(",")} <= set().union(*(SAMPLES[name] for name, _ in found))


def test_a_counter_is_never_shown_bare_and_a_gauge_never_rated():
    kinds = {family.name: family.kind for family in FAMILIES}
    for expression in EXPRESSIONS:
        rated = set(re.findall(r"(?:rate|increase)\((odata_\w+)", expression))
        for name, _ in selectors(expression):
            assert (name in rated) == (kinds.get(name, "counter") == "counter"), expression


def test_rules_have_the_form_that_prometheus_reads():
    """prometheus.io/docs: recording and alerting rules."""
    assert [set(group) for group in GROUPS] == [{"name", "rules"}]
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert {"alert", "expr", "labels", "annotations"} <= set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", rule["alert"]) and re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert rule["labels"]["severity"] in ("critical", "warning", "info") and set(rule["annotations"]) == {"summary", "description"}
        settings = set(re.findall(r"ODATA_[A-Z_]+", " ".join(rule["annotations"].values())))
        assert settings <= {setting.variable for setting in SETTINGS}


def test_dashboard_shows_every_metric_and_its_panels_do_not_overlap():
    shown = {name for panel in PANELS for target in panel["targets"] for name, _ in selectors(target["expr"])}
    assert {family.name if family.kind != "histogram" else f"{family.name}_bucket" for family in FAMILIES} <= shown
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}


def test_operate_lists_every_metric():
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    table = page.partition("<!-- generated: metrics -->\n")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [f"| `{f.name}` | {f.kind} | {', '.join(f'`{label}`' for label in f.labels)} | {f.doc} |" for f in FAMILIES]
    assert table == rows
