"""What the table of services decides for several families: names, config fields, and masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from fivetran_async._services import Fields, Kind, fields, known, names, nearest, replace_secrets
from fivetran_async.testing._account import Account
from fivetran_async.testing._facts import Record, part
from fivetran_async.testing._rules import invalid

MASK: Final = "******"
_NOUNS: Final = {
    "source": "connector service",
    "log": "log service",
}


def service_problem(service: str, kind: Kind) -> str | None:
    """Return why there is no such service, with a suggestion; None if there is."""
    if known(service, kind):
        return None
    near = nearest(service, names(kind))
    hint = f"; did you mean {near!r}?" if near else ""
    return f"Unsupported {_NOUNS.get(kind, 'service')} {service!r}{hint}"


def check_service(account: Account, service: str, kind: Kind) -> None:
    """Refuse a service that does not exist, unless the account accepts tomorrow's."""
    problem = None if account.any_service else service_problem(service, kind)
    if problem is not None:
        raise invalid(problem)


def check_config(account: Account, body: Record, service: str, kind: Kind) -> None:
    """Refuse a field that is a known one misspelt; a field that is near to none may be new."""
    if account.any_field:
        return
    for name in ("config", "auth"):
        problem = _misspelt(part(body.get(name)), fields(service, kind, name), name)
        if problem is not None:
            raise invalid(problem)


def mask_config(record: Record, kind: Kind) -> Record:
    """Return the config of a record with its secrets masked, as the API shows it."""
    config = part(record.get("config"))
    masked = replace_secrets(config, str(record.get("service")), kind, by=lambda _: MASK)
    return cast("Record", masked)


def _misspelt(value: object, members: Fields, place: str) -> str | None:
    if isinstance(value, list):
        found = (_misspelt(each, members, place) for each in cast("list[object]", value))
        return next(filter(None, found), None)
    if not isinstance(value, Mapping) or members.is_open:
        return None
    for name, inner in cast("Mapping[str, object]", value).items():
        here = f"{place}.{name}"
        if name in members:
            problem = _misspelt(inner, members[name].fields, here) if members[name].fields else None
        else:
            near = nearest(name, members)
            problem = f"{here} is not a supported field; did you mean {near!r}?" if near else None
        if problem is not None:
            return problem
    return None
