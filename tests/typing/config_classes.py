"""What type checkers find in configs; checked by mypy and pyright, never run."""

# Both checkers report unused ignores, so each ignore proves an error.
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_type

from fivetran_async import AsyncFivetran, configs
from fivetran_async.configs import (
    AiGeneratedConfig,
    AttioConfig,
    AttioConfigUpdate,
    ClickhouseDestinationConfig,
    ConfigProblem,
    FacebookAdsConfig,
    FacebookAdsConfigUpdate,
    GithubConfig,
    GoogleAdsAuth,
    GoogleAnalytics4Config,
    PostgresConfig,
    PostgresConfigUpdate,
    PostgresExternalSecretsKeysConfig,
    Service15fiveConfig,
    SnowflakeDestinationConfig,
    SnowflakeDestinationConfigUpdate,
)


async def correct(fivetran: AsyncFivetran) -> None:
    """Every class fits the argument that it is for."""
    created: PostgresConfig = {"schema_prefix": "shop", "host": "db", "port": 5432}
    assert_type(created["port"], int)
    await fivetran.connections.create(
        group_id="g",
        service="postgres",
        config=PostgresConfig(schema_prefix="shop", update_method="QUERY_BASED"),
        external_secrets_keys_config=PostgresExternalSecretsKeysConfig(password="key"),
    )
    await fivetran.connections.update("c", config=PostgresConfigUpdate(host="db"))
    await fivetran.connections.create(
        group_id="g",
        service="google_ads",
        auth=GoogleAdsAuth(client_access={"client_id": "i"}, refresh_token="t"),
    )
    destination = SnowflakeDestinationConfig(host="h", auth="KEY_PAIR")
    update: SnowflakeDestinationConfigUpdate = destination
    await fivetran.destinations.update("d", config=update)
    assert_type(GithubConfig(schema="g", pats=["a"])["schema"], str)
    Service15fiveConfig(schema="s", api_key="k")
    GoogleAnalytics4Config(schema="s")


def open_configs() -> tuple[Mapping[str, object], ...]:
    """Services without known fields take any field, and sources require their schema name."""
    return (
        ClickhouseDestinationConfig(host="h"),
        AiGeneratedConfig(anything=1),
        AttioConfigUpdate(anything=1),
        AttioConfig(schema="s"),
    )


def checked() -> tuple[ConfigProblem, ...]:
    """A check takes a class or a plain dict."""
    problem = ConfigProblem("path", "reason")
    assert_type(problem.nearest, str | None)
    assert_type(problem.choices, tuple[str, ...])
    assert_type(configs.SERVICES["postgres"], str)
    assert_type(configs.secrets("postgres"), frozenset[str])
    return configs.check("postgres", PostgresConfig(schema_prefix="p"), creating=True)


def mistakes(method: Literal["QUERY"]) -> None:
    """A misspelt field, another choice, a missing schema name and another type are errors."""
    PostgresConfig(schema_prefix="p", hots="h")  # type: ignore[typeddict-unknown-key]
    PostgresConfig(schema_prefix="p", update_method="QUERY")  # type: ignore[typeddict-item]
    PostgresConfig(schema_prefix="p", update_method=method)  # type: ignore[typeddict-item]
    PostgresConfig(host="h")  # type: ignore[typeddict-item]
    PostgresConfig(schema_prefix="p", port="5432")  # type: ignore[typeddict-item]
    PostgresConfigUpdate(schema_prefix="p")  # type: ignore[typeddict-unknown-key]
    PostgresConfig(schema_prefix="p", public_key="k")  # type: ignore[typeddict-unknown-key]
    FacebookAdsConfig(schema="s", timeframe_months="SIX")
    FacebookAdsConfigUpdate(timeframe_months="SIX")  # type: ignore[typeddict-unknown-key]
    GoogleAdsAuth(client_access={"clientid": "i"})  # type: ignore[typeddict-unknown-key]
    AttioConfig()  # type: ignore[typeddict-item]
    _ = configs.PostgresConfg  # type: ignore[attr-defined]
