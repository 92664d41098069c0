"""Random creates, reads, updates and deletes of all families, compared with dictionaries."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._engine import Engine, Incoming
from fivetran_async.testing.clock import FakeClock
from fivetran_async.testing.families import RULES
from support.samples import sample

STEPS, SEEDS = sample(800, 2_500), range(sample(2, 20))
AUTHORIZATION = "Basic " + base64.b64encode(b"k:s").decode()

Body = dict[str, Any]
Thing = dict[str, Any]
Make = Callable[["Model"], Body | None]


@attrs.define
class Kind:
    """How the test creates and changes records of one family."""

    path: str
    make: Make
    change: Callable[[Model], Body]
    key: str = "id"
    unseen: frozenset[str] = frozenset({"config", "accept_terms", "env_type"})


@attrs.define
class Model:
    """The expected account: for each family its records by id, in order."""

    rng: random.Random
    things: dict[str, dict[str, Thing]] = attrs.field(factory=dict[str, dict[str, Thing]])
    made: int = 0

    def word(self) -> str:
        """Return an unused word."""
        self.made += 1
        return f"word{self.made}"

    def some(self, family: str) -> str | None:
        """Return a random id of a family, or None."""
        return self.rng.choice(list(self.things[family])) if self.things[family] else None

    def free_group(self, family: str) -> str | None:
        """Return a random group that has no record of this family, or None."""
        free = [group for group in self.things["groups"] if group not in self.things[family]]
        return self.rng.choice(free) if free else None

    def blocked(self, family: str, key: str) -> bool:
        """Return True if the API must refuse a deletion because other records need this one."""
        if family == "destinations":
            found = [c for c in self.things["connections"].values() if c["group_id"] == key]
            return any(c["service"] != "fivetran_log" for c in found)
        if family == "projects":
            uses = (t["transformation_config"] for t in self.things["transformations"].values())
            return any(use["project_id"] == key for use in uses)
        return False

    def forget(self, family: str, key: str) -> None:
        """Remove a record, and with a group everything in it."""
        thing = self.things[family].pop(key)
        if family == "destinations":
            connections = self.things["connections"]
            logs = [c for c in connections.values() if c["service"] == "fivetran_log"]
            for log in [c for c in logs if c["group_id"] == key]:
                del connections[log["id"]]
        if family == "groups":
            for other in ("transformations", "projects", "connections", "agents"):
                for inner in list(self.things[other]):
                    if self.group_of(other, inner) == thing["id"]:
                        del self.things[other][inner]
            self.things["destinations"].pop(key, None)
            self.things["log_services"].pop(key, None)

    def group_of(self, family: str, key: str) -> str | None:
        """Return the group of a record."""
        thing = self.things[family][key]
        if family == "transformations":
            project = thing["transformation_config"]["project_id"]
            return self.group_of("projects", project)
        return thing.get("group_id")


def in_group(**fields: Any) -> Make:  # noqa: ANN401
    """Return a body that names an existing group; `None` becomes an unused word."""

    def make(model: Model) -> Body | None:
        group = model.some("groups")
        return None if group is None else {"group_id": group} | fresh(model, fields)

    return make


def alone(**fields: Any) -> Make:  # noqa: ANN401
    """Return a body without references; `None` becomes an unused word."""
    return lambda model: fresh(model, fields)


def fresh(model: Model, fields: Body) -> Body:
    """Return the fields with unused words in place of `None`."""
    return {name: model.word() if value is None else value for name, value in fields.items()}


def connection(model: Model) -> Body | None:
    """Return a connection with an unused name."""
    group = model.some("groups")
    config = {"schema": model.word()}
    return None if group is None else {"group_id": group, "service": "postgres", "config": config}


def destination(model: Model) -> Body | None:
    """Return a destination for a group that lacks one."""
    group = model.free_group("destinations")
    return None if group is None else {"group_id": group, "service": "snowflake"}


def log_service(model: Model) -> Body | None:
    """Return a log service for a group that lacks one."""
    group = model.free_group("log_services")
    return None if group is None else {"group_id": group, "service": "cloudwatch", "config": {}}


def transformation(model: Model) -> Body | None:
    """Return a transformation of an existing project."""
    project = model.some("projects")
    if project is None:
        return None
    return {"type": "DBT_CORE", "transformation_config": {"project_id": project}}


def user(model: Model) -> Body:
    """Return a user with an unused address."""
    return {"email": f"{model.word()}@example.com", "given_name": "A", "family_name": "B"}


def renamed(model: Model) -> Body:
    """Return a new name."""
    return {"name": model.word()}


PROJECT = {"dbt_version": "1", "default_schema": "d", "git_remote_url": "u"}
KINDS = {
    "groups": Kind("/v1/groups", alone(name=None), renamed),
    "connections": Kind(
        "/v1/connections", connection, lambda m: {"sync_frequency": m.rng.choice([5, 60, 1440])}
    ),
    "destinations": Kind(
        "/v1/destinations", destination, lambda m: {"time_zone_offset": m.rng.choice(["0", "+3"])}
    ),
    "log_services": Kind(
        "/v1/external-logging",
        log_service,
        lambda m: {"enabled": m.rng.random() < 0.5},
        unseen=frozenset({"group_id", "config"}),
    ),
    "users": Kind("/v1/users", user, lambda m: {"given_name": m.word()}),
    "teams": Kind("/v1/teams", alone(name=None, role="Account Reviewer"), renamed),
    "keys": Kind("/v1/system-keys", alone(name=None), renamed),
    "managers": Kind(
        "/v1/external-secrets-managers",
        alone(name=None, type="HASHICORP_VAULT", config={}),
        lambda m: {"config": {"url": m.word()}},
    ),
    "links": Kind(
        "/v1/private-links",
        alone(name=None, service="SOURCE_AWS", region="AWS_US_EAST_1", config={}),
        lambda m: {"config": {"x": m.word()}},
    ),
    "agents": Kind(
        "/v1/hybrid-deployment-agents",
        in_group(display_name=None, env_type="DOCKER", accept_terms=True),
        lambda _: {},
    ),
    "proxies": Kind("/v1/proxy", alone(display_name=None), lambda _: {}, key="agent_id"),
    "projects": Kind(
        "/v1/transformation-projects",
        in_group(type="DBT_CORE", project_config=PROJECT),
        lambda m: {"project_config": {"threads": m.rng.randrange(9)}},
        unseen=frozenset({"project_config"}),
    ),
    "transformations": Kind(
        "/v1/transformations", transformation, lambda m: {"paused": m.rng.random() < 0.5}
    ),
    "webhooks": Kind(
        "/v1/webhooks",
        alone(url="https://example.com", events=["sync_end"]),
        lambda m: {"events": [m.word()]},
    ),
}


@attrs.define
class Run:
    """One random walk that compares every response with the model."""

    engine: Engine
    model: Model

    async def send(self, verb: str, path: str, body: Body | None = None) -> tuple[int, Any]:
        """Send a request to the engine, without a socket."""
        headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        reply = await self.engine.handle(Incoming(verb, path, headers, raw))
        return reply.status, json.loads(reply.body)

    async def step(self) -> None:
        """Do something random to one family."""
        family = self.model.rng.choice(list(KINDS))
        act = self.model.rng.choice([self.create, self.create, self.read, self.update, self.delete])
        await act(family, KINDS[family])

    async def create(self, family: str, kind: Kind) -> None:
        """The response has the sent fields and an unused id."""
        body = kind.make(self.model)
        if body is None:
            return
        path = f"{kind.path}/account" if family == "webhooks" else kind.path
        status, response = await self.send("POST", path, body)
        assert status in (200, 201), response
        key = response["data"][kind.key]
        assert key not in self.model.things[family]
        self.model.things[family][key] = body | {"id": key}
        if family == "destinations":
            _, listed = await self.send("GET", f"/v1/groups/{key}/connections?limit=1000")
            log = listed["data"]["items"][-1]
            assert (log["service"], log["paused"]) == ("fivetran_log", True)
            kept = {name: log[name] for name in ("id", "group_id", "service")}
            self.model.things["connections"][log["id"]] = kept

    async def read(self, family: str, kind: Kind) -> None:
        """Existing records are unchanged, missing ones give 404, and lists are complete."""
        for key in (self.model.some(family), "missing"):
            if key is not None:
                status, response = await self.send("GET", f"{kind.path}/{key}")
                assert status == (200 if key in self.model.things[family] else 404)
                if status == 200:
                    self.compare(response["data"], self.model.things[family][key], kind)
        assert await self.listed(kind) == list(self.model.things[family])

    async def listed(self, kind: Kind) -> list[str]:
        """Return the ids of a family, in pages of a random size."""
        found: list[str] = []
        cursor = ""
        while True:
            limit = self.model.rng.choice([7, 100, 1000])
            _, response = await self.send("GET", f"{kind.path}?limit={limit}{cursor}")
            found += [item["id"] for item in response["data"]["items"]]
            if "next_cursor" not in response["data"]:
                return [key for key in found if key != self.engine.account.owner_id]
            cursor = f"&cursor={response['data']['next_cursor']}"

    async def update(self, family: str, kind: Kind) -> None:
        """An update changes its fields and keeps the others."""
        key, body = self.model.some(family), kind.change(self.model)
        if key is None or not body:
            return
        status, response = await self.send("PATCH", f"{kind.path}/{key}", body)
        assert status == 200, response
        self.model.things[family][key] |= body
        self.compare(response["data"], self.model.things[family][key], kind)

    async def delete(self, family: str, kind: Kind) -> None:
        """A record that no other needs is deleted."""
        key = self.model.some(family)
        if key is None:
            return
        status, response = await self.send("DELETE", f"{kind.path}/{key}")
        if self.model.blocked(family, key):
            assert status == 409, response
            return
        assert status == 200, response
        self.model.forget(family, key)
        assert (await self.send("DELETE", f"{kind.path}/{key}"))[0] == 404

    def compare(self, shown: Thing, expected: Thing, kind: Kind) -> None:
        """Every sent field that is returned has the sent value."""
        for name, value in expected.items():
            if name not in kind.unseen:
                assert shown[name] == value, (kind.path, name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_no_divergence(seed: int) -> None:
    """Ten thousand random steps over fourteen families: the fake and the model always agree."""
    account = FakeAccount(FakeClock(running=False), seed)
    rng = random.Random(seed)  # noqa: S311 - test data
    model = Model(rng, {family: {} for family in KINDS})
    run = Run(Engine(account, RULES, "k", "s"), model)
    for _ in range(STEPS):
        await run.step()
    for family, kind in KINDS.items():
        assert await run.listed(kind) == list(model.things[family])
