"""deploy/'s files for Kubernetes and Compose: valid by the published schemas, of one mind with each other, and understood by the gateway."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import jsonschema
import kubernetes_validate
import pytest
import yaml
from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import load
from odata_gateway.observe.metrics import FAMILIES
from tests.harness.gateway import ROOT, free_port

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
NO_RESOURCES = {"kustomization.yaml", "sidecar.yaml", "prometheus-adapter.yaml"}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
APP = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "cognigy-live-agent-app"},
    "spec": {
        "selector": {"matchLabels": {"app": "live-agent"}},
        "template": {"metadata": {"labels": {"app": "live-agent"}}, "spec": {"containers": [{"name": "app", "image": "live-agent"}]}},
    },
}
"""What sidecar.yaml is a patch of."""


def read(name):
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def patched(base, patch):
    """A strategic merge patch: objects are merged, and lists of named things by their names."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return base | {name: patched(base.get(name), value) for name, value in patch.items()}
    if isinstance(base, list) and isinstance(patch, list):
        new = {item["name"]: item for item in patch}
        return [patched(item, new.pop(item["name"], item)) for item in base] + list(new.values())
    return patch


RESOURCES = {path.name: read(path) for path in sorted(KUBERNETES.glob("*.yaml")) if path.name not in NO_RESOURCES}
SIDECAR = patched(APP, read("kubernetes/sidecar.yaml"))
PODS = {
    "standalone": RESOURCES["deployment.yaml"]["spec"]["template"]["spec"],
    "sidecar": SIDECAR["spec"]["template"]["spec"],
}


def gateway_of(pod):
    (container,) = (one for one in pod["containers"] if one["name"] in ("gateway", "odata-gateway"))
    return container


def settings_of(environment, tmp_path):
    """What the gateway makes of a container's variables; the file of the DSN is there as the secret puts it there."""
    secret = tmp_path / "dsn"
    secret.write_text("postgresql://h/d")
    return load({name: str(secret) if name == "ODATA_DSN_FILE" else value for name, value in environment.items()})


# --- Kubernetes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.30", "1.33", "1.37"])
@pytest.mark.parametrize(
    "resource", [*RESOURCES.values(), SIDECAR], ids=lambda resource: f"{resource['kind']} {resource['metadata']['name']}"
)
def test_resources_are_valid(resource, version):
    kubernetes_validate.validate(resource, version, strict=True)


def test_a_mistake_would_be_found():
    wrong = patched(RESOURCES["deployment.yaml"], {"spec": {"replica": 2}})
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.33", strict=True)


def test_kustomization_names_every_resource():
    assert set(read("kubernetes/kustomization.yaml")["resources"]) == set(RESOURCES)


def test_resources_find_each_other():
    deployment, service = RESOURCES["deployment.yaml"], RESOURCES["service.yaml"]
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= labels
    assert RESOURCES["disruption.yaml"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert RESOURCES["network.yaml"]["spec"]["podSelector"]["matchLabels"].items() <= labels
    ports = {port["name"]: port["containerPort"] for port in gateway_of(PODS["standalone"])["ports"]}
    (port,) = service["spec"]["ports"]
    (rule,) = RESOURCES["ingress.yaml"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert port["targetPort"] in ports
    assert path["backend"]["service"] == {"name": service["metadata"]["name"], "port": {"name": port["name"]}}
    open_ports = {one["port"] for ingress in RESOURCES["network.yaml"]["spec"]["ingress"] for one in ingress["ports"]}
    assert open_ports == set(ports.values())
    target = RESOURCES["autoscaler.yaml"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (deployment["kind"], deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"]


def test_the_autoscaler_follows_a_metric_that_the_gateway_and_the_adapter_have():
    (metric,) = RESOURCES["autoscaler.yaml"]["spec"]["metrics"]
    (rule,) = read("kubernetes/prometheus-adapter.yaml")["rules"]["custom"]
    name = metric["pods"]["metric"]["name"]
    assert name in {family.name for family in FAMILIES if family.kind == "gauge" and not family.labels}
    assert rule["name"]["as"] == name and rule["seriesQuery"].startswith(name + "{")
    connections = {one["name"]: one.get("value") for one in gateway_of(PODS["standalone"])["env"]}["ODATA_POOL_MAX"]
    assert int(metric["pods"]["target"]["averageValue"]) < int(connections)


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
def test_pods_are_set_up_as_the_gateway_expects(pod, tmp_path):
    container = gateway_of(pod)
    settings = settings_of({one["name"]: one["value"] for one in container["env"]}, tmp_path)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert set(ports.values()) == {settings.port, *settings.admin_port}
    (mount,) = container["volumeMounts"]
    (volume,) = (one for one in pod["volumes"] if one["name"] == mount["name"])
    file = {one["name"]: one["value"] for one in container["env"]}["ODATA_DSN_FILE"]
    assert file == f"{mount['mountPath']}/dsn" and volume["secret"]["secretName"] == "odata-gateway"
    assert settings.grace_s < settings.drain_s < pod.get("terminationGracePeriodSeconds", 30)


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
def test_pods_may_do_nothing_that_they_need_not(pod):
    context = pod.get("securityContext", {}) | gateway_of(pod)["securityContext"]
    assert context["runAsNonRoot"] and context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]} and context["seccompProfile"] == {"type": "RuntimeDefault"}
    user = re.search(r"^USER (\d+):(\d+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert user and (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))


def test_probes_are_answered_on_the_ports_they_ask(gateways, reader_dsn):
    admin = free_port()
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_ADMIN_PORT=str(admin))
    asked = {
        (probe, container[probe]["httpGet"]["path"])
        for container in map(gateway_of, PODS.values())
        for probe in PROBES
        if probe in container
    }
    assert {probe for probe, _ in asked} == set(PROBES)
    gateway.port = admin
    assert {path: gateway.ask("GET", path).status for _, path in asked} == {path: 200 for _, path in asked}


# --- Compose ------------------------------------------------------------------------------------------------------------------

COMPOSE = read("compose.yaml")


def test_compose_is_valid():
    schema = json.loads((files("check_jsonschema.builtin_schemas.vendor") / "compose-spec.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert not list(validator.iter_errors(COMPOSE))
    assert list(validator.iter_errors(COMPOSE | {"servises": {}}))


def test_compose_mounts_files_that_are_there():
    sources = [mount.split(":")[0] for service in COMPOSE["services"].values() for mount in service.get("volumes", ())]
    assert len(sources) > 5
    assert [source for source in sources if source not in COMPOSE["volumes"] and not (DEPLOY / source).is_file()] == []
    build = COMPOSE["services"]["gateway"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_compose_sets_what_the_gateway_and_caddy_know(tmp_path):
    gateway, proxy = COMPOSE["services"]["gateway"], COMPOSE["services"]["proxy"]
    settings = settings_of(gateway["environment"], tmp_path)
    assert settings.dsn.startswith("postgresql://odata_reader:odata_reader@postgres:5432/")
    assert settings.drain_s < int(gateway["stop_grace_period"].removesuffix("s"))
    assert (
        gateway["read_only"]
        and gateway["cap_drop"] == ["ALL"]
        and "ports" not in gateway
        and "ports" not in COMPOSE["services"]["postgres"]
    )
    asked = set(re.findall(r"\{\$(\w+)", (DEPLOY / "Caddyfile").read_text()))
    assert asked == set(proxy["environment"])
    assert proxy["environment"]["GATEWAY_INSTANCES"] == f"gateway:{settings.port}"
    assert tuple(map(int, re.match(r"caddy:(\d+)\.(\d+)", proxy["image"]).groups())) >= (2, 8)


# --- Limits that proxies and the gateway share --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("nginx.conf", r"proxy_read_timeout (\d+)s;"),
        ("Caddyfile", r"response_header_timeout (\d+)s"),
        ("kubernetes/ingress.yaml", r'proxy-read-timeout: "(\d+)"'),
    ],
)
def test_proxies_wait_longer_than_the_gateway(file, pattern):
    found = re.search(pattern, (DEPLOY / file).read_text(encoding="utf-8"))
    assert found and int(found[1]) > Settings().pool_wait_s + Settings().statement_timeout_s


# --- Live Agent's own chart ---------------------------------------------------------------------------------------------------


def test_the_charts_values_replace_the_original_service(tmp_path):
    odata = read("live_agent_values.yaml")["odata"]
    assert odata["enabled"] and set(odata["image"]) == {"repository", "tag", "pullPolicy", "pullSecretName"}
    assert settings_of(odata["configmap"], tmp_path).protocol == "https"
