"""Who may ask what: tokens, roles, what each of them sees, and the end of patience with wrong tokens."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from center.worlds import World
from structlog.testing import capture_logs

from acd.api import tokens
from acd.api.app import ENDPOINTS
from acd.api.endpoint import Endpoint
from acd.api.problems import Problem
from acd.api.tokens import TRIES, TRIES_SECONDS, Guard, Tokens

from .office import EVERYBODY, TOKENS, Office, configuration, secret, token

CLOSED = [endpoint for endpoint in ENDPOINTS if endpoint.roles]


def _at(endpoint: Endpoint) -> str:
    nothing = "0" * 16
    return endpoint.path.format(agent="alice", queue="sales", request=nothing, callback=nothing, call=nothing)


def _name(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def _wrong(office: Office) -> Any:
    return office.asks(None, "GET", "/v1/agents", headers={"Authorization": "Bearer wrong"})


# ---- Roles


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_open(office: Office, path: str) -> None:
    assert (await office.asks(None, "GET", path)).status == 200


@pytest.mark.parametrize("endpoint", CLOSED, ids=_name)
async def test_everything_else_needs_a_token(office: Office, endpoint: Endpoint) -> None:
    answer = await office.asks(None, endpoint.method, _at(endpoint))

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="acd"'


@pytest.mark.parametrize("endpoint", CLOSED, ids=_name)
@pytest.mark.parametrize("who", EVERYBODY)
async def test_each_role_may_what_is_declared_for_it(office: Office, who: str, endpoint: Endpoint) -> None:
    answer = await office.asks(who, endpoint.method, _at(endpoint))

    assert (answer.status != 403) == (TOKENS[who]["role"] in endpoint.roles)
    if answer.status == 403:
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="acd", error="insufficient_scope"'
        assert office.desk.told == []


def test_the_roles_are_what_the_documentation_says() -> None:
    people, meters = ("agent", "supervisor", "admin"), ("metrics", "admin")

    chiefs = ("supervisor", "admin")

    assert {_name(endpoint): endpoint.roles for endpoint in ENDPOINTS if endpoint.roles != people} == {
        "GET /healthz": (),
        "GET /readyz": (),
        "GET /metrics": meters,
        "POST /v1/requests/{request}/priority": chiefs,
        "POST /v1/queues/{queue}/drain": chiefs,
        "POST /v1/drain": chiefs,
        "POST /v1/callbacks": chiefs,
        "POST /v1/callbacks/{callback}/reassign": chiefs,
        "POST /v1/callbacks/{callback}/cancel": chiefs,
        "DELETE /v1/callbacks/{callback}/message": chiefs,
        "GET /v1/changes": chiefs,
    }


async def test_metrics_are_open_if_the_configuration_says_so(office: Office) -> None:
    shut = await office.asks(None, "GET", "/metrics")
    office.api.use(configuration(http={"open_metrics": True}))

    assert shut.status == 401
    assert (await office.asks(None, "GET", "/metrics")).status == 200
    assert (await office.asks(None, "GET", "/v1/agents")).status == 401


# ---- What each sees


@pytest.mark.parametrize(
    ("who", "agents"),
    [
        ("admin", ["alice", "bob", "carol", "dora"]),
        ("supervisor", ["alice", "bob", "carol", "dora"]),
        ("sales-board", ["alice", "carol"]),
        ("sales-admin", ["alice", "carol"]),
        ("alice", ["alice"]),
        ("alice-at-sales", ["alice"]),
        ("dora", ["dora"]),
    ],
)
async def test_agents_that_a_token_sees(office: Office, who: str, agents: list[str]) -> None:
    assert [agent["name"] for agent in await office.listing(who, "/v1/agents", "agents")] == agents
    for name in ("alice", "bob", "carol", "dora"):
        for method, path in [("GET", f"/v1/agents/{name}"), ("POST", f"/v1/agents/{name}/login")]:
            answer = await office.asks(who, method, path)
            assert answer.status == (200 if name in agents else 404)


@pytest.mark.parametrize(
    ("who", "queues"),
    [
        ("admin", ["sales", "support"]),
        ("supervisor", ["sales", "support"]),
        ("sales-board", ["sales"]),
        ("sales-admin", ["sales"]),
        ("alice", ["sales", "support"]),
        ("alice-at-sales", ["sales"]),
        ("dora", []),
    ],
)
async def test_queues_that_a_token_sees_and_their_requests(
    office: Office, world: World, who: str, queues: list[str]
) -> None:
    requests = {queue: world.caller_joins(queue) for queue in ("sales", "support")}
    for queue in requests:
        world.caller_hangs_up(world.caller_joins(queue))

    assert [queue["name"] for queue in (await office.sees(who, "/v1/queues"))["queues"]] == queues
    for state in ("waiting", "ended"):
        listed = await office.listing(who, f"/v1/requests?state={state}", "requests")
        assert sorted(request["queue"] for request in listed) == queues
    for queue, request in requests.items():
        expected = 200 if queue in queues else 404
        assert (await office.asks(who, "GET", f"/v1/queues/{queue}")).status == expected
        assert (await office.asks(who, "GET", f"/v1/requests/{request}")).status == expected


async def test_what_is_hidden_and_what_is_not_there_look_alike(office: Office, world: World) -> None:
    hidden = world.caller_joins("support")
    for path, there, nowhere in [
        ("/v1/agents/{}", "bob", "nobody"),
        ("/v1/agents/{}", "dora", "nobody"),
        ("/v1/queues/{}", "support", "nowhere"),
        ("/v1/requests/{}", hidden, "0" * 16),
        ("/v1/requests?queue={}", "support", "nowhere"),
    ]:
        one = await office.asks("sales-board", "GET", path.format(there))
        other = await office.asks("sales-board", "GET", path.format(nowhere))
        assert one.body.replace(there.encode(), b"?") == other.body.replace(nowhere.encode(), b"?")


async def test_an_agent_in_view_does_not_show_what_is_hidden(office: Office, world: World) -> None:
    world.logs_in("alice")
    request = world.caller_joins("support")

    for_sales = await office.sees("sales-board", "/v1/agents/alice")
    for_all = await office.sees("supervisor", "/v1/agents/alice")

    assert (for_sales["state"], for_sales["request"], for_sales["queues"]) == ("connecting", None, {"sales": 1})
    assert (for_all["request"], for_all["queues"]) == (request, {"sales": 1, "support": 10})


# ---- Tokens


@pytest.mark.parametrize(
    "header",
    [
        "Bearer wrong",
        f"Bearer {secret('admin')}x",
        f"Bearer {secret('admin')[:-1]}",
        f"Bearer {secret('admin').upper()}",
        f"Bearer {secret('admin')} {secret('admin')}",
        "Bearer ünïcode",
        "Bearer " + "x" * 4000,
        "bearer " + "0" * 64,
    ],
)
async def test_a_wrong_token_is_told_to_be_wrong(office: Office, header: str) -> None:
    answer = await office.asks(None, "GET", "/v1/agents", headers={"Authorization": header})

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="acd", error="invalid_token"'


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YWxpY2U6c2VjcmV0", "Digest", secret("admin")])
async def test_what_is_no_bearer_token_is_no_try(office: Office, header: str) -> None:
    for _ in range(TRIES + 1):
        answer = await office.asks(None, "GET", "/v1/agents", headers={"Authorization": header})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="acd"'


async def test_the_name_of_the_scheme_is_in_any_case(office: Office) -> None:
    header = {"Authorization": f"bEARER   {secret('admin')}"}

    assert (await office.asks(None, "GET", "/v1/agents", headers=header)).status == 200


async def test_the_sha256_itself_is_no_token(office: Office) -> None:
    header = {"Authorization": f"Bearer {token('admin')['sha256']}"}

    assert (await office.asks(None, "GET", "/v1/agents", headers=header)).status == 401


async def test_a_reload_changes_the_tokens(office: Office) -> None:
    office.api.use(configuration(token=[token("newcomer", role="admin")]))

    assert (await office.asks("admin", "GET", "/v1/agents")).status == 401
    assert (await office.asks("newcomer", "GET", "/v1/agents")).status == 200


async def test_without_tokens_in_the_configuration_nobody_comes_in(office: Office) -> None:
    office.api.use(configuration(token=[]))

    assert (await office.asks("admin", "GET", "/v1/agents")).status == 401


# ---- Wrong tries


async def test_after_ten_wrong_tokens_nobody_new_comes_in_from_there_for_a_while(office: Office, world: World) -> None:
    for _ in range(TRIES):
        assert (await _wrong(office)).status == 401

    blocked = await _wrong(office)
    right = await office.asks("admin", "GET", "/v1/agents")
    world.time_passes(TRIES_SECONDS)

    assert (blocked.status, right.status) == (429, 429)
    assert right.headers["Retry-After"] == "60"
    assert (await office.asks("admin", "GET", "/v1/agents")).status == 200
    assert (await _wrong(office)).status == 401


async def test_health_can_be_seen_from_where_too_many_wrong_tokens_came(office: Office) -> None:
    for _ in range(TRIES + 1):
        await _wrong(office)

    assert (await office.asks(None, "GET", "/readyz")).status == 200


async def test_an_old_screen_with_a_wrong_token_does_not_lock_its_neighbours_out(office: Office) -> None:
    await office.asks("supervisor", "GET", "/v1/agents")
    for _ in range(TRIES + 1):
        await _wrong(office)

    assert (await office.asks("supervisor", "GET", "/v1/agents")).status == 200
    assert (await office.asks("admin", "GET", "/v1/agents")).status == 429


async def test_wrong_tries_are_forgotten_with_time(office: Office, world: World) -> None:
    for _ in range(3):
        for _ in range(TRIES - 1):
            assert (await _wrong(office)).status == 401
        world.time_passes(TRIES_SECONDS)


async def test_a_right_token_does_not_buy_more_wrong_tries(office: Office) -> None:
    for _ in range(TRIES):
        await office.asks("alice", "GET", "/v1/agents")
        await _wrong(office)

    assert (await _wrong(office)).status == 429


async def test_a_block_is_logged_once(office: Office) -> None:
    with capture_logs() as lines:
        for _ in range(2 * TRIES):
            await _wrong(office)

    assert [line for line in lines if line["log_level"] == "warning"] == [
        {"event": "http.peer_blocked", "log_level": "warning", "peer": "127.0.0.1", "seconds": 60.0}
    ]


def test_peers_are_told_apart_and_only_so_many_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "PEERS_LIMIT", 100)
    guard = Guard()
    guard.tokens = Tokens(configuration().token)
    for peer in range(300):
        for _ in range(TRIES):
            with pytest.raises(Problem, match="not known"):
                guard.admit("Bearer wrong", f"10.0.0.{peer}", 0)
        assert guard.admit(f"Bearer {secret('admin')}", f"10.1.0.{peer}", 0).name == "admin"

    with pytest.raises(Problem, match="too many"):
        guard.admit("Bearer wrong", "10.0.0.299", 0)
    with pytest.raises(Problem, match="not known"):
        guard.admit("Bearer wrong", "10.0.0.0", 0)
    assert len(guard._tries) == len(guard._known) == 100


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_guesser_gains_nothing_by_the_many_addresses_that_ipv6_gives_him(address: str, peer: str) -> None:
    assert tokens.peer_at(address) == peer


def test_every_digest_is_compared_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    compare = hmac.compare_digest

    def watched(known: str, shown: str) -> bool:
        compared.append(known)
        return compare(known, shown)

    monkeypatch.setattr("acd.api.tokens.hmac.compare_digest", watched)
    known = configuration().token
    for shown in (secret(known[0].name), secret(known[-1].name), "wrong"):
        Tokens(known).holder(shown)

    assert compared == [token.sha256 for token in known] * 3
