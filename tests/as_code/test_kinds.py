"""The rules of each kind, compared with the inventory of operations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME, KindRules
from meta.inventory import BY_METHOD, SHAPES

BODIES = {
    "groups": ("groups.create", "groups.update"),
    "destinations": ("destinations.create", "destinations.update"),
    "connections": ("connections.create", "connections.update"),
    "schemas": ("connections.schemas.create", "connections.schemas.update"),
    "webhooks": ("webhooks.create_group", "webhooks.update"),
    "users": ("users.create", "users.update"),
    "teams": ("teams.create", "teams.update"),
    "memberships": ("users.groups.add", "users.groups.update"),
    "transformation_projects": (
        "transformation_projects.create",
        "transformation_projects.update",
    ),
    "transformations": ("transformations.create", "transformations.update"),
    "log_services": ("log_services.create", "log_services.update"),
    "private_links": ("private_links.create", "private_links.update"),
    "external_secrets_managers": (
        "external_secrets_managers.create",
        "external_secrets_managers.update",
    ),
}
SHAPES_OF = {
    "groups": "Group",
    "destinations": "Destination",
    "connections": "Connection",
    "webhooks": "Webhook",
    "users": "User",
    "teams": "Team",
    "transformation_projects": "TransformationProject",
    "transformations": "Transformation",
    "log_services": "LogService",
    "private_links": "PrivateLink",
    "external_secrets_managers": "ExternalSecretsManager",
    "system_keys": "SystemKey",
    "proxy_agents": "ProxyAgent",
    "hybrid_deployment_agents": "HybridDeploymentAgent",
}
CONTROLS = {"run_setup_tests", "run_tests"}
"""Arguments that control a call and are no fields."""


def top(paths: frozenset[str]) -> set[str]:
    """Return the top-level names of dotted paths."""
    return {path.partition(".")[0] for path in paths}


def fields_in(method: str) -> set[str]:
    """Return the names of the fields in the body of an operation."""
    return {field.name for field in BY_METHOD[method].body} - CONTROLS


@pytest.mark.parametrize("kind", BODIES)
def test_every_field_of_a_body_has_a_rule(kind: str) -> None:
    """What a PATCH or a create takes is changed, created, sent or an action in the rules."""
    rules = KINDS_BY_NAME[kind]
    create, update = BODIES[kind]
    known = rules.accepted | rules.actions
    taken = fields_in(create) | fields_in(update)
    # A membership's body names the member `id`; the rules name its kind.
    assert taken - ({"id"} if kind == "memberships" else set()) <= known
    changed = top(rules.changed) | rules.sent | rules.actions
    # The type is repeated in updates, but cannot change.
    repeated = {"type"} if kind.startswith("transformation") else set[str]()
    assert fields_in(update) - repeated <= changed


@pytest.mark.parametrize("kind", SHAPES_OF)
def test_every_field_of_a_response_has_a_rule(kind: str) -> None:
    """What the API returns is either written to files or known to be the server's own."""
    rules = KINDS_BY_NAME[kind]
    returned = {field.name for field in SHAPES[SHAPES_OF[kind]]}
    assert returned - rules.readable - top(rules.owned) == set()


def overlaps(rules: KindRules) -> Iterator[str]:
    """List the fields with two rules."""
    groups = (rules.changed, rules.created, rules.sent, rules.actions, rules.owned)
    for number, one in enumerate(groups):
        for other in groups[number + 1 :]:
            yield from one & other


@pytest.mark.parametrize("kind", KINDS_BY_NAME)
def test_each_field_has_one_rule(kind: str) -> None:
    """No field is both changed and owned, or both created and changed."""
    assert list(overlaps(KINDS_BY_NAME[kind])) == []
