"""
The configs of every service: classes for type checkers and editors, and an offline check.

`PostgresConfig` is what creates a connection of `postgres`, `PostgresConfigUpdate` what updates
one, `GoogleAdsAuth` its `auth`, `SnowflakeDestinationConfig` the config of a destination. For type
checkers these are TypedDicts, declared in `configs.pyi`; at run time each of them is `dict`, so
that importing this module costs nothing. `SERVICES` maps a service to the name of its class; the
page "Classes of configs" of this reference lists them all.

The classes close what the API leaves open: a field or choice that is newer than this release is an
error for type checkers only. A plain dict passes wherever a config does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fivetran_async._services import ConfigPart, ConfigProblem
    from fivetran_async.errors import InvalidArgumentError

    SERVICES: Mapping[str, str]
    """The name of the config class of each source and destination."""

__all__ = ["SERVICES", "ConfigProblem", "check", "secrets"]


def check(
    service: str,
    config: Mapping[str, object],
    *,
    creating: bool = False,
    part: ConfigPart = "config",
) -> tuple[ConfigProblem, ...]:
    """
    Compare a config with the fields of its service, without a request.

    A field is a problem if it resembles a known one: `hots` is near `host`. A field that resembles
    none can be newer than this release and is not a problem, and neither is anything in the config
    of a service that this release does not know. Nulls, masks such as `******` and references to
    secrets such as `{"$secret": "env:PASSWORD"}` fit every field; numbers can be texts.
    `await fivetran.connector_types.check(...)` compares with live metadata instead.

    Args:
        service: The service, such as `postgres` or `snowflake`.
        config: The config, or the other part that `part` names.
        creating: Also report missing fields that creation requires, such as `schema`.
        part: What is compared.

    Raises:
        InvalidArgumentError: `service` is not a text, `config` is not a mapping, or there is no
            such `part`.
    """
    # The first check pays for the table, not the import.
    from fivetran_async._services import PARTS, config_problems, fields, kind_of  # noqa: PLC0415

    _require(service, str, "service must be a str")
    _require(config, Mapping, "config must be a mapping")
    if part not in PARTS:
        raise _argument_error(f"part must be one of {', '.join(PARTS)}, not {part!r}.")
    kind = kind_of(service)
    if kind is None:
        return ()
    return config_problems(config, fields(service, kind, part), service, creating=creating)


def secrets(service: str) -> frozenset[str]:
    """
    Return the fields of a service that hold secrets, as `config.password` or `config.pats[]`.

    Logs, errors, snapshots and `FakeFivetran` hide the same fields. All of `auth` is secret.
    """
    from fivetran_async import _services  # noqa: PLC0415

    kind = _services.kind_of(service)
    return frozenset() if kind is None else _services.secret_fields(service, kind)


def _require(value: object, kind: type, rule: str) -> None:
    if not isinstance(value, kind):
        raise _argument_error(f"{rule}, not {type(value).__name__}.")


def _argument_error(message: str) -> InvalidArgumentError:
    # Importing the errors takes longer than importing this module may.
    from fivetran_async.errors import InvalidArgumentError  # noqa: PLC0415

    return InvalidArgumentError(message)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - typed in `configs.pyi`
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fivetran_async import _services  # noqa: PLC0415
    from fivetran_async._services import class_names  # noqa: PLC0415

    if name == "SERVICES":
        return globals().setdefault(name, MappingProxyType(class_names.config_classes()))
    if name == "ConfigProblem":
        return globals().setdefault(name, _services.ConfigProblem)
    if class_names.is_class(name):
        return globals().setdefault(name, dict)
    near = _services.nearest(name, class_names.config_classes().values())
    hint = f"; did you mean {near!r}?" if near else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    from fivetran_async._services.class_names import config_classes  # noqa: PLC0415

    return sorted({*globals(), *__all__, *config_classes().values()})
