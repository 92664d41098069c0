"""Checks and masks by the table of services: service names, config fields, secrets."""

from __future__ import annotations

from typing import Final, cast

from fivetran_async._services import (
    ServiceKind,
    config_problems,
    fields,
    known,
    names,
    nearest,
    replace_secrets,
)
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord, part
from fivetran_async.testing._rules import invalid

HIDDEN: Final = "******"
_NOUNS: Final = {
    "source": "connector service",
    "log": "log service",
}


def service_problem(service: str, kind: ServiceKind) -> str | None:
    """Return why a service is unsupported, with a suggestion, or None if it is supported."""
    if known(service, kind):
        return None
    near = nearest(service, names(kind))
    hint = f"; did you mean {near!r}?" if near else ""
    return f"Unsupported {_NOUNS.get(kind, 'service')} {service!r}{hint}"


def check_service(account: FakeAccount, service: str, kind: ServiceKind) -> None:
    """Reject an unknown service, unless the account accepts unknown services."""
    problem = None if account.any_service else service_problem(service, kind)
    if problem is not None:
        raise invalid(problem)


def require_service(account: FakeAccount, service: str, kind: ServiceKind) -> None:
    """
    Refuse an unknown service in a test's arguments, unless the account accepts unknown services.

    Raises:
        InvalidArgumentError: The service is unknown; the message suggests a similar name.
    """
    problem = None if account.any_service else service_problem(service, kind)
    if problem is not None:
        raise InvalidArgumentError(problem)


def check_config(account: FakeAccount, body: StoredRecord, service: str, kind: ServiceKind) -> None:
    """Reject a misspelt field; a field that resembles no known field can be new."""
    if account.any_field:
        return
    for name in ("config", "auth", "external_secrets_keys_config"):
        found = config_problems(part(body.get(name)), fields(service, kind, name), service)
        misspelt = next((each for each in found if each.nearest and not each.choices), None)
        if misspelt is not None:
            raise invalid(
                f"{name}.{misspelt.path} is not a supported field; "
                f"did you mean {misspelt.nearest!r}?"
            )


def mask_config(record: StoredRecord, kind: ServiceKind) -> StoredRecord:
    """Return the config of a record with masked secrets, like the API."""
    config = part(record.get("config"))
    masked = replace_secrets(config, str(record.get("service")), kind, by=lambda _: HIDDEN)
    return cast("StoredRecord", masked)
