from __future__ import annotations

import logging
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from fivetran_async import (
    AmbiguousOutcomeError,
    InvalidRequestError,
    NotFoundError,
    OperationUnavailableError,
)
from fivetran_async._codec._pydantic import shown_values
from fivetran_async.models import UserApiKeyCredentials
from fivetran_async.testing import FakeFivetran, Fault

START = datetime(2026, 11, 1, tzinfo=UTC)


def account() -> FakeFivetran:
    """Return an account with a clock that stands still."""
    return FakeFivetran(running=False, start=START)


def service_account(fake: FakeFivetran) -> str:
    """Add a service account."""
    return fake.add("users", given_name="Robo", family_name="T", user_type="SERVICE_ACCOUNT")


async def test_only_create_and_rotate_return_a_secret() -> None:
    """Each returns a new secret of the same key; `get` and `list_api_keys` return none."""
    async with account() as fake, fake.client() as fivetran:
        user_id = service_account(fake)
        made = await fivetran.users.api_keys.create(user_id, expiration_period_days=30)
        assert fake.requests[-1].body == {"expiration_period_days": 30}
        rotated = await fivetran.users.api_keys.rotate(user_id)
        assert fake.requests[-1].body == {}
        read = await fivetran.users.api_keys.get(user_id)
        (listed,) = await fivetran.users.list_api_keys(user_type="SERVICE_ACCOUNT").collect()
    assert made.key_secret
    assert rotated.key_secret not in {"", made.key_secret}
    assert made.key_value == rotated.key_value == read.key_value
    assert made.expires_at == START + timedelta(days=30)
    assert read == listed
    assert (read.user_id, read.user_type, read.key_status) == (user_id, "SERVICE_ACCOUNT", "ACTIVE")
    assert not {"key_secret", "secret"} & read.to_dict().keys()


async def test_old_secret_overlaps_and_the_key_expires() -> None:
    """The status follows the clock: two secrets during the overlap, then one, then none."""
    async with account() as fake, fake.client() as fivetran:
        keys, user_id = fivetran.users.api_keys, service_account(fake)
        await keys.create(user_id)
        rotated = await keys.rotate(user_id, overlap_days=7, expiration_period_days=60)
        assert fake.requests[-1].body == {"overlap_days": 7, "expiration_period_days": 60}
        assert rotated.key_status == "ACTIVE_GRACE"
        assert rotated.overlap_expires_at == START + timedelta(days=7)
        assert rotated.last_rotated_at == START
        fake.advance(timedelta(days=8).total_seconds())
        settled = await keys.get(user_id)
        fake.advance(timedelta(days=60).total_seconds())
        expired = await keys.get(user_id)
    assert (settled.key_status, settled.overlap_expires_at) == ("ACTIVE", None)
    assert (settled.is_expired, expired.is_expired) == (False, True)


@pytest.mark.parametrize(("days", "overlap"), [(0, 0), (366, 0), (90, 31), (90, -1)], ids=str)
async def test_server_judges_the_days(days: int, overlap: int) -> None:
    """Days out of range are sent, and refused by the server with 400."""
    async with account() as fake, fake.client() as fivetran:
        keys, user_id = fivetran.users.api_keys, service_account(fake)
        await keys.create(user_id)
        with pytest.raises(InvalidRequestError, match=r"must be in the range"):
            await keys.rotate(user_id, expiration_period_days=days, overlap_days=overlap)


async def test_user_has_one_key_at_a_time() -> None:
    """A second create is refused until the key is deleted, and a deleted user has no key."""
    async with account() as fake, fake.client() as fivetran:
        keys, user_id = fivetran.users.api_keys, service_account(fake)
        await keys.create(user_id)
        with pytest.raises(InvalidRequestError, match="rotate or delete"):
            await keys.create(user_id)
        assert fake.record("users", user_id)["has_api_key"] is True
        await keys.delete(user_id, confirm=True)
        assert fake.record("users", user_id)["has_api_key"] is False
        with pytest.raises(NotFoundError, match="API key of the user") as caught:
            await keys.get(user_id)
        await keys.create(user_id)
        await fivetran.users.delete(user_id, confirm=True)
        assert await fivetran.users.list_api_keys().collect() == []
    assert not isinstance(caught.value, OperationUnavailableError)


async def test_keys_are_listed_by_kind_of_user() -> None:
    """The filter is sent in the query, and the pages are walked."""
    async with account() as fake, fake.client() as fivetran:
        person = fake.add("users", email="a@example.com")
        robots = [service_account(fake) for _ in range(3)]
        for user_id in (person, *robots):
            await fivetran.users.api_keys.create(user_id)
        keys = await fivetran.users.list_api_keys(user_type="SERVICE_ACCOUNT", limit=2).collect()
        assert dict(fake.requests[-2].query) == {"user_type": "SERVICE_ACCOUNT", "limit": "2"}
    assert [key.user_id for key in keys] == robots


@pytest.mark.parametrize("action", ["create", "rotate"])
async def test_lost_secret_is_not_requested_twice(action: str) -> None:
    """A second request would replace the key; the error describes how to find out."""
    async with account() as fake, fake.client() as fivetran:
        keys, user_id = fivetran.users.api_keys, service_account(fake)
        if action == "rotate":
            await keys.create(user_id)
        fake.fail(f"users.api_keys.{action}", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError) as caught:
            await getattr(keys, action)(user_id)
        assert len(fake.requests_for(f"users.api_keys.{action}")) == 1
    assert f"users.api_keys.get({user_id!r})" in caught.value.advice


async def test_secret_is_in_no_text(caplog: pytest.LogCaptureFixture) -> None:
    """The secret is read from `key_secret` and from `to_dict()`, and is in no repr and no log."""
    caplog.set_level(logging.DEBUG, logger="fivetran_async")
    async with account() as fake, fake.client() as fivetran:
        made = await fivetran.users.api_keys.create(service_account(fake))
    texts = [repr(made), str(made), f"{made}", caplog.text, *map(str, shown_values(made).values())]
    assert not [text for text in texts if made.key_secret in text or made.key_value in text]
    assert made.to_dict()["key_secret"] == made.key_secret
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - what was just pickled
    assert UserApiKeyCredentials().key_secret == ""


@pytest.mark.parametrize(
    "message", ["HTTP 404 Not Found", "404 Not Found", "Not Found", "", "Scripted status 404"]
)
async def test_account_without_the_preview(message: str) -> None:
    """A general 404 is about the operation, whatever the user: it names the preview."""
    fault = Fault.status(404, body={"code": "NotFound", "message": message})
    async with account() as fake, fake.client() as fivetran:
        for operation in ("users.list_api_keys", "users.api_keys.*"):
            fake.fail(operation, fault=fault, times=None)
        keys = fivetran.users.api_keys
        calls = (keys.get("u"), keys.create("u"), keys.rotate("u"), keys.delete("u", confirm=True))
        for call in (fivetran.users.list_api_keys().collect(), *calls):
            with pytest.raises(OperationUnavailableError, match=r"preview.+per account") as caught:
                await call
            assert caught.value.operation is not None
            assert caught.value.operation in str(caught.value)
            assert (caught.value.code, caught.value.message) == (
                "NotFound",
                message or "Not found, without a message of the API; check the path, and base_url.",
            )


async def test_user_who_does_not_exist() -> None:
    """A 404 of the user is a plain `NotFoundError`."""
    async with account() as fake, fake.client() as fivetran:
        keys = fivetran.users.api_keys
        calls = (keys.get("nobody"), keys.create("nobody"), keys.rotate("nobody"))
        for call in (*calls, keys.delete("nobody", confirm=True)):
            with pytest.raises(NotFoundError) as caught:
                await call
            assert type(caught.value) is NotFoundError
            assert caught.value.code == "NotFound_User"
