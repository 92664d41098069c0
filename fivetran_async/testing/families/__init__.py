"""The rules of each family of the API; `_rules` has what they share."""

from __future__ import annotations

from itertools import chain

from fivetran_async.testing._rules import Rules
from fivetran_async.testing.families import (
    agents,
    api_keys,
    catalog,
    connections,
    destinations,
    groups,
    keys,
    log_services,
    networking,
    packages,
    people,
    schemas,
    secrets_managers,
    transformations,
    trust,
    webhooks,
)

RULES = Rules(
    {
        family.name: family
        for family in chain(
            groups.FAMILIES,
            connections.FAMILIES,
            schemas.FAMILIES,
            destinations.FAMILIES,
            trust.FAMILIES,
            people.FAMILIES,
            api_keys.FAMILIES,
            keys.FAMILIES,
            agents.FAMILIES,
            log_services.FAMILIES,
            networking.FAMILIES,
            secrets_managers.FAMILIES,
            packages.FAMILIES,
            catalog.FAMILIES,
            transformations.FAMILIES,
            webhooks.FAMILIES,
        )
    },
    words={
        "role": people.known_roles,
        "event": webhooks.known_events,
        "events": webhooks.known_events,
    },
)
