"""Who may ask a database like Supabase's: an anonymous role, tokens of a file with roles and claims, and what each of them sees."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.harness import supabase
from tests.harness.agent import Agent
from tests.harness.cluster import Cluster
from tests.harness.faults import wait_until
from tests.harness.gateway import ROOT, Gateway, start_gateway
from tests.harness.supabase import ADA, BOB, ENTRIES, EVE, Tokens, write_tokens

SETS = {
    None: {"news"},
    "ada": {"tenants", "profiles", "todos", "notes", "news", "titles"},
    "reports of seven": {"todos", "news"},
    "reports of nine": {"todos", "news"},
    "service": {"tenants", "profiles", "todos", "notes", "news", "salaries", "titles"},
    "odd": set(),
    "own": set(),
}


def settings(cluster: Cluster, tokens: Tokens, **more: str) -> dict[str, str]:
    return {
        "ODATA_DSN": supabase.dsn(cluster),
        "ODATA_MODEL": str(supabase.MODEL),
        "ODATA_TOKENS_FILE": str(tokens.path),
        "ODATA_ANON_ROLE": "anon",
    } | more


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return write_tokens(tmp_path_factory.mktemp("tokens") / "tokens.toml")


@pytest.fixture(scope="module")
def program(supabase_cluster: Cluster, tokens: Tokens) -> Iterator[Gateway]:
    with start_gateway(**settings(supabase_cluster, tokens)) as running:
        yield running


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "odata_gateway", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"} | variables,
        text=True,
        capture_output=True,
    )


# --- What each caller sees ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS, ids=str)
def test_a_caller_has_the_sets_that_the_role_may_read(program, tokens, name):
    token = tokens[name] if name else None
    assert {each["name"] for each in program.get("", token=token).json()["value"]} == SETS[name]
    metadata = program.get("$metadata", token=token).body.decode()
    assert ('Name="salary"' in metadata) is (name == "service")
    assert ('Name="email"' in metadata) is (name == "service")
    assert ('Name="body"' in metadata) is ("notes" in SETS[name])
    agent = Agent(program, token)
    assert {each["name"] for each in agent.call("describe").value["sets"]} == SETS[name]
    described = json.dumps(agent.call("describe", sets=sorted(SETS[name])).value)
    assert ('"salary"' in described) is (name == "service")
    api = program.get("openapi.json", token=token)
    assert {each["name"] for each in api.json()["tags"]} == SETS[name]
    assert (b'"salary"' in api.body) is (b'"email"' in api.body) is (name == "service")
    assert (b'"body"' in api.body) is ("notes" in SETS[name])


@pytest.mark.parametrize(("name", "user"), [("ada", ADA), ("bob", BOB), ("eve", EVE)])
def test_policies_of_supabase_apply_unchanged(program, tokens, name, user):
    token, tenant = tokens[name], supabase.TENANTS[user]
    assert {row["user_id"] for row in program.get("todos", token=token).rows} == {user}
    assert {row["id"] for row in program.get("tenants", token=token).rows} == {tenant}
    assert {row["tenant_id"] for row in program.get("notes", token=token).rows} == {tenant}
    assert len(program.get("profiles", token=token).rows) == list(supabase.TENANTS.values()).count(tenant)
    found = program.get("todos?$expand=owner,tenant,notes&$count=true&$top=50", token=token).json()
    assert found["@odata.count"] == len(found["value"]) == 30
    assert all(row["owner"]["id"] == user and row["tenant"]["id"] == tenant and len(row["notes"]) == 2 for row in found["value"])


def test_claims_of_any_shape_reach_the_policies(program, tokens):
    assert {row["tenant_id"] for row in program.get("todos", token=tokens["reports of seven"]).rows} == {7}
    assert {row["tenant_id"] for row in program.get("todos", token=tokens["reports of nine"]).rows} == {9}
    assert program.get("todos/$count", token=tokens["service"]).body == b"90"
    assert program.get("todos", token=tokens["nobody"]).rows == program.get("notes", token=tokens["nobody"]).rows == []
    assert program.get("news/$count", token=None).body == b"5"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("root", "is a superuser"), ("stranger", "is not granted"), ("ghost", "does not exist")],
)
def test_a_role_that_must_not_be_used_is_refused_before_any_sql(program, tokens, name, reason):
    for target in ("", "$metadata", "news", "news/$count", "$all"):
        reply = program.get(target, token=tokens[name])
        assert reply.status == 403 and reason in reply.json()["error"]["message"]


def test_a_token_comes_in_every_place(program, tokens):
    token = tokens["ada"]
    basic = base64.b64encode(f"anybody:{token}".encode()).decode()
    for reply in (
        program.get("todos", token=token),
        program.get(f"todos?apikey={token}", token=None),
        program.get("todos", token=None, headers={"apikey": token}),
        program.get("todos", token=None, headers={"Authorization": f"Basic {basic}"}),
    ):
        assert reply.status == 200 and len(reply.rows) == 30
    assert program.get(f"news?apikey={token}x", token=None).status == 401
    assert program.get("news", token="unknown").status == 401


def test_a_batch_is_answered_as_its_caller(program, tokens):
    body = json.dumps({"requests": [{"id": "1", "method": "get", "url": url} for url in ("todos?$top=1", "news/$count", "salaries")][:1]})
    headers = {"Authorization": f"Bearer {tokens['eve']}", "Content-Type": "application/json"}
    reply = program.ask("POST", "/v1.0/odata/$batch", headers, body.encode())
    assert reply.json()["responses"][0]["body"]["value"][0]["user_id"] == EVE
    assert (
        program.ask("POST", "/v1.0/odata/$batch", {"Content-Type": "application/json"}, body.encode()).json()["responses"][0]["status"]
        == 404
    )


def test_next_links_lead_on_as_the_same_caller(supabase_cluster, gateways, tokens):
    program = gateways(**settings(supabase_cluster, tokens, ODATA_PAGE_ROWS="7"))
    rows = [row for page in program.pages("todos?$orderby=title", token=tokens["eve"]) for row in page]
    assert len(rows) == 30 and {row["user_id"] for row in rows} == {EVE}
    link = program.get("todos?$orderby=title", token=tokens["eve"]).json()["@odata.nextLink"]
    assert {row["user_id"] for row in program.get(link, token=tokens["ada"]).rows} == {ADA}, "a link gives nobody another's rows"


def test_who_asked_is_in_the_log_and_the_token_is_not(program, tokens):
    program.get("todos?$top=1", token=tokens["reports of seven"])
    program.get("news?$top=1", token=None)
    wait_until(lambda: 'subject="reports of seven"' in program.log() and "subject=anonymous" in program.log(), 20)
    assert not any(token in program.log() for token in tokens.by_name.values())


# --- Files that change -----------------------------------------------------------------------------------------------------------------


def reread(program: Gateway, says: str) -> None:
    before = program.log().count(says)
    program.process.send_signal(signal.SIGHUP)
    wait_until(lambda: program.log().count(says) > before, 20)


def test_a_file_of_tokens_is_read_again_on_sighup(supabase_cluster, gateways, tmp_path):
    tokens = write_tokens(tmp_path / "tokens.toml", {"ada": ENTRIES["ada"]})
    program = gateways(**settings(supabase_cluster, tokens))
    made = command(
        "token", "--name", "new", "--role", "reporting", "--claims", '{"tenant": 9}', "--days", "2", ODATA_TOKENS_FILE=str(tokens.path)
    )
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert token.startswith("odata_") and token not in tokens.path.read_text()
    assert program.get("todos", token=token).status == 401
    reread(program, "SIGHUP: the file of tokens is in use")
    assert {row["tenant_id"] for row in program.get("todos", token=token).rows} == {9}
    whole = tokens.path.read_text()
    tokens.path.write_text(whole + "\n[[token]]\nname = 'broken'\n")
    reread(program, "SIGHUP: the file of tokens in use is kept")
    assert program.get("todos", token=token).status == 200
    tokens.path.write_text("\n".join(whole.splitlines()[:4]))
    reread(program, "SIGHUP: the file of tokens is in use")
    assert program.get("todos", token=token).status == 401


def test_a_right_that_is_granted_or_revoked_is_followed(supabase_cluster, gateways, tokens):
    program = gateways(**settings(supabase_cluster, tokens, ODATA_MODEL_CHECK_S="1"))
    assert program.get("todos", token=tokens["reports of seven"]).status == 200
    supabase_cluster.psql(supabase.DATABASE, "REVOKE SELECT ON todos FROM reporting; GRANT SELECT ON tenants TO reporting")
    try:
        wait_until(lambda: program.get("todos", token=tokens["reports of seven"]).status == 404, 20)
        wait_until(lambda: program.get("tenants", token=tokens["reports of seven"]).status == 200, 20)
        assert program.get("todos", token=tokens["reports of nine"]).status == 200
    finally:
        supabase_cluster.psql(supabase.DATABASE, "GRANT SELECT ON todos TO reporting; REVOKE SELECT ON tenants FROM reporting")


# --- The start, readiness, check --------------------------------------------------------------------------------------------------------


def test_where_nothing_says_who_may_ask_only_this_machine_is_listened_to(supabase_cluster, gateways):
    variables = {"ODATA_DSN": supabase.dsn(supabase_cluster, "service_login"), "ODATA_MODEL": str(supabase.MODEL)}
    supabase_cluster.psql(supabase.DATABASE, "CREATE ROLE service_login LOGIN; GRANT SELECT ON news TO service_login")
    try:
        refused = command("serve", **variables)
        assert refused.returncode == 2
        assert "nothing says who may ask" in refused.stderr and "not 0.0.0.0" in refused.stderr
        program = gateways(**variables)
        assert program.get("news/$count", token=None).body == b"5"
        assert program.get("news/$count", token="any").status == 401
        assert program.log().count("nothing says who may ask") == 1
    finally:
        gateways(**variables).stop()
        supabase_cluster.psql(supabase.DATABASE, "DROP OWNED BY service_login")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"ODATA_ANON_ROLE": "root"}, "the role 'root' of ODATA_ANON_ROLE is a superuser"),
        ({"ODATA_ANON_ROLE": "stranger"}, "is not granted"),
        ({"ODATA_ANON_ROLE": "", "ODATA_TOKENS_FILE": "EMPTY"}, "no token of"),
    ],
)
def test_a_gateway_that_nobody_could_use_is_not_ready(supabase_cluster, tokens, tmp_path, more, why):
    (tmp_path / "empty.toml").write_text("")
    base = settings(supabase_cluster, tokens) | {"ODATA_TOKENS_FILE": str(tmp_path / "empty.toml")}
    variables = base | {name: value for name, value in more.items() if value != "EMPTY"}
    with start_gateway(wait_for="/health/startup", **variables) as program:
        reply = program.ask("GET", "/health/readiness")
        assert reply.status == 503 and reply.json() == {"status": "nobody can be served"}
        assert program.get("news", token=None).status in (401, 403)
        assert why in program.log()


def test_check_tells_what_each_caller_sees_and_where_policies_do_not_hold(supabase_cluster, tokens):
    found = command("check", **settings(supabase_cluster, tokens))
    for line in (
        "note: role anon: sees news",
        "note: role reporting: sees news, todos",
        "warning: role service_role: has BYPASSRLS",
        "error: role root: is a superuser",
        "error: role stranger: is not granted",
        "error: role no such role: does not exist",
        "warning: public.all_titles: the policies of public.todos hold for the view's owner",
        "warning: token ghost: the role 'no such role' does not exist",
    ):
        assert line in found.stdout
    assert "my_todos" not in found.stdout and "reads as null" not in found.stdout
    assert not any(token in found.stdout for token in tokens.by_name.values())
    assert found.returncode == 1


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("x = 1", "must have [[token]] entries"),
        ("[[token]", "is not TOML"),
        ("[[token]]\nname = 'a'", "token 'a': sha256 must be 64 hexadecimal digits"),
        ("[[token]]\nsha256 = 'zz'", "token number 1: name must be a printable text"),
        (f"[[token]]\nname='a'\nsha256='{'0' * 64}'\nrole=''", "role must be the name of a role"),
        (f"[[token]]\nname='a'\nsha256='{'0' * 64}'\nexpires=2027-01-01", "expires must be a time with an offset"),
        (f"[[token]]\nname='a'\nsha256='{'0' * 64}'\nclaims={{a=2027-01-01}}", "claims must be a table"),
        (f"[[token]]\nname='a'\nsha256='{'0' * 64}'\nroles='x'", "'roles' is not known; did you mean 'role'?"),
        (f"[[token]]\nname='a'\nsha256='{'0' * 64}'\n" * 2, "another entry has this name"),
    ],
)
def test_a_file_of_tokens_that_is_wrong_ends_the_start_with_every_mistake(supabase_cluster, tmp_path, text, mistake):
    (tmp_path / "tokens.toml").write_text(text)
    tokens = Tokens(tmp_path / "tokens.toml", {})
    for name in ("serve", "check"):
        found = command(name, **settings(supabase_cluster, tokens, ODATA_HOST="127.0.0.1"))
        assert found.returncode == 2 and mistake in found.stderr
