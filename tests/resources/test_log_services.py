from __future__ import annotations

import pytest

from fivetran_async.errors import InvalidArgumentError, NotFoundError
from fivetran_async.resources.log_services import LogService
from fivetran_async.testing import FakeFivetran


async def test_a_log_service_of_a_group_is_tested_on_request() -> None:
    """Setup tests run only on request, and the response contains their results."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        services = fivetran.log_services
        group_id, other_id = fake.add_group(name="a"), fake.add_group(name="b")
        plain = await services.create(
            group_id=group_id, service="cloudwatch", config={"region": "eu-west-1"}
        )
        assert fake.requests[-1].body == {
            "group_id": group_id,
            "service": "cloudwatch",
            "config": {"region": "eu-west-1"},
        }
        tested = await services.create(
            group_id=other_id, service="splunkLog", config={}, run_setup_tests=True
        )
    assert plain.setup_tests == ()
    assert plain.status.setup_state == "incomplete"
    assert [test.is_passed for test in tested.setup_tests] == [True]
    assert tested.status.setup_state == "connected"


async def test_setup_tests_are_requested_without_a_body() -> None:
    """The response contains the results and no other field of the log service."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        services = fivetran.log_services
        made = await services.create(group_id=fake.add_group(), service="cloudwatch", config={})
        result = await services.run_setup_tests(made.id)
        assert fake.requests[-1].raw_path == f"/v1/external-logging/{made.id}/test"
        assert fake.requests[-1].body_bytes == b""
    assert [test.is_passed for test in result.setup_tests] == [True]


async def test_the_account_has_a_log_service_of_its_own() -> None:
    """All its operations use one fixed path without an id."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        account = fivetran.log_services.account
        made = await account.create(service="datadog_log", config={"api_key": "k"}, enabled=False)
        assert made.enabled is False
        changed = await account.update(enabled=True)
        assert fake.requests[-1].body == {"enabled": True}
        assert (await account.get()).enabled is changed.enabled is True
        assert (await account.run_setup_tests()).setup_tests
        await account.delete()
        with pytest.raises(NotFoundError):
            await account.get()
        assert {request.raw_path for request in fake.requests} == {
            "/v1/external-logging/account",
            "/v1/external-logging/account/test",
        }


async def test_the_accounts_log_service_cannot_be_hit_by_an_id() -> None:
    """The id `account`, which matches the fixed path, is refused before any request."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        services = fivetran.log_services
        for call in (
            services.get("account"),
            services.update("account", enabled=False),
            services.delete("account"),
            services.run_setup_tests("account"),
        ):
            with pytest.raises(InvalidArgumentError, match=r"that of log_services\.account\."):
                await call
        assert fake.requests == []


def test_the_config_stays_out_of_the_repr() -> None:
    """The repr omits the config, because it can hold keys."""
    assert "s3cret" not in repr(LogService(id="l", config={"api_key": "s3cret"}))
