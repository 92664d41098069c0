"""FastAPI: the shared session, errors as responses, models as annotations."""

import asyncio
import collections
import contextlib
import subprocess
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import aiohttp
import pytest
from fastapi import Body, Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, TypeAdapter, ValidationError

from fivetran_async import (
    AmbiguousOutcomeError,
    AsyncFivetran,
    AuthenticationError,
    CertificateError,
    ConfirmationRequiredError,
    ConflictError,
    ConnectError,
    ConnectionLostError,
    FivetranError,
    InvalidArgumentError,
    InvalidRequestError,
    MissingCredentialsError,
    NotFoundError,
    OperationUnavailableError,
    PermissionDeniedError,
    RateLimitedError,
    ReadOnlyError,
    RedirectError,
    RequestTimeoutError,
    ResponseFormatError,
    SchemaNotCapturedError,
    ServerError,
    SessionClosedError,
    UsageError,
    models,
)
from fivetran_async._model import Model
from fivetran_async.integrations.fastapi import SharedSession, add_exception_handlers, status_for
from fivetran_async.models import ColumnUpdate, Connection, ConnectionStatus, Group, SystemKey
from fivetran_async.testing import FakeFivetran
from fivetran_async.webhooks import MissingSignatureError, WebhookEvent
from integrations.servers import asgi_server
from support.each import for_each

ALL_MODELS = [
    kind
    for name in dir(models)
    if isinstance(kind := getattr(models, name), type) and issubclass(kind, Model)
]


def control_plane(session: SharedSession) -> FastAPI:
    """Make an application as users write it."""
    app = FastAPI(lifespan=session.lifespan)
    add_exception_handlers(app)

    @app.get("/groups")
    async def list_groups(fivetran: Annotated[AsyncFivetran, Depends(session)]) -> list[Group]:
        return await fivetran.groups.list().collect()

    @app.get("/groups/{group_id}")
    async def get_group(
        group_id: str, fivetran: Annotated[AsyncFivetran, Depends(session)]
    ) -> Group:
        return await fivetran.groups.get(group_id)

    return app


class Opened:
    """Makes sessions with a fake, and counts them."""

    def __init__(self, fake: FakeFivetran) -> None:
        self.fake, self.sessions = fake, list[AsyncFivetran]()

    def __call__(self) -> AsyncFivetran:
        """Open another session."""
        self.sessions.append(self.fake.client())
        return self.sessions[-1]


@pytest.mark.slow
async def test_two_hundred_requests_share_one_session() -> None:
    """One session serves them within its concurrency limit, and is closed with the application."""
    # Long enough for twenty requests to arrive, on a busy machine too.
    async with FakeFivetran.demo(latency=0.2) as fake:
        opened = Opened(fake)
        async with asgi_server(control_plane(SharedSession(opened))) as port:
            statuses, groups = await ask(port, "/groups", times=200)
        assert statuses == {200: 200}
        assert groups == {12: 200}
        assert len(opened.sessions) == 1
        assert opened.sessions[0].closed
        assert fake.max_in_flight == 20
        assert fake.in_flight == 0


async def ask(port: int, path: str, *, times: int) -> tuple[dict[int, int], dict[int, int]]:
    """Send requests at once; count statuses and numbers of items."""
    statuses, items = collections.Counter[int](), collections.Counter[int]()

    async def one(client: aiohttp.ClientSession) -> None:
        async with client.get(f"http://127.0.0.1:{port}{path}") as response:
            statuses[response.status] += 1
            items[len(await response.json())] += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        await asyncio.gather(*(one(client) for _ in range(times)))
    return statuses, items


def test_test_clients_have_sessions_on_their_own_loops() -> None:
    """Each run of the application opens and closes a session on its own event loop."""
    fake = FakeFivetran()
    group_id = fake.add_group(name="warehouse")
    opened = Opened(fake)
    session = SharedSession(opened)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with fake, session.lifespan(app):
            yield

    app = control_plane(session)
    app.router.lifespan_context = lifespan
    for _ in range(2):
        with TestClient(app) as client:
            assert client.get("/groups").json()[0]["id"] == group_id
    assert [each.closed for each in opened.sessions] == [True, True]


def test_a_session_that_is_not_open_is_an_error() -> None:
    """A test client that was not entered runs no lifespan; the message shows how to enter it."""
    client = TestClient(control_plane(SharedSession()))
    with pytest.raises(UsageError, match=r"with TestClient\(app\)"):
        client.get("/groups")


async def test_a_session_is_opened_once_per_loop() -> None:
    """Entering the lifespan twice raises, since one session would never be closed."""
    async with FakeFivetran() as fake:
        session = SharedSession(fake.client)
        async with session.lifespan():
            with pytest.raises(UsageError, match="already open"):
                async with session.lifespan():
                    pytest.fail("it was opened twice")
            assert (await session()).closed is False


async def test_two_accounts_in_one_application() -> None:
    """Each account has a shared session, entered by the application's lifespan."""
    async with FakeFivetran() as first, FakeFivetran() as second:
        ids = [first.add_group(name="one"), second.add_group(name="two")]
        one, two = SharedSession(first.client), SharedSession(second.client)

        @contextlib.asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
            async with one.lifespan(app), two.lifespan(app):
                yield

        app = FastAPI(lifespan=lifespan)

        @app.get("/names")
        async def names(
            one: Annotated[AsyncFivetran, Depends(one)], two: Annotated[AsyncFivetran, Depends(two)]
        ) -> list[str]:
            return [(await one.groups.get(ids[0])).name, (await two.groups.get(ids[1])).name]

        async with asgi_server(app) as port, aiohttp.ClientSession() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/names")
            assert await answer.json() == ["one", "two"]


async def test_the_session_can_be_overridden() -> None:
    """`dependency_overrides` replaces the session."""
    async with FakeFivetran() as real, FakeFivetran() as other, other.client() as replacement:
        other.add_group(name="other")
        session = SharedSession(real.client)
        app = control_plane(session)
        app.dependency_overrides[session] = lambda: replacement
        async with asgi_server(app) as port:
            assert await ask(port, "/groups", times=1) == ({200: 1}, {1: 1})
        assert real.requests == []


async def test_a_request_can_have_a_deadline() -> None:
    """A view of the session with a deadline is served before bulk work."""
    deadlines = [60.0, 0.05]
    async with FakeFivetran() as fake:
        session = SharedSession(fake.client)

        async def hurried(fivetran: Annotated[AsyncFivetran, Depends(session)]) -> AsyncFivetran:
            return fivetran.with_options(deadline=deadlines.pop(0), priority="interactive")

        app = FastAPI(lifespan=session.lifespan)
        add_exception_handlers(app)

        @app.get("/groups")
        async def groups(fivetran: Annotated[AsyncFivetran, Depends(hurried)]) -> list[Group]:
            return await fivetran.groups.list().collect()

        async with asgi_server(app) as port:
            assert (await ask(port, "/groups", times=1))[0] == {200: 1}
            fake.latency = 60.0
            assert (await ask(port, "/groups", times=1))[0] == {504: 1}


@for_each(
    "error, status",
    [
        (NotFoundError(status=404), 404),
        (SchemaNotCapturedError(status=404), 404),
        (OperationUnavailableError(status=404), 501),
        (ConflictError(status=409), 409),
        (InvalidArgumentError("group_id must not be empty."), 400),
        (InvalidRequestError(status=422), 400),
        (RateLimitedError(status=429), 503),
        (AmbiguousOutcomeError(), 502),
        (ServerError(status=500), 502),
        (RedirectError(status=302), 502),
        (AuthenticationError(status=401), 502),
        (PermissionDeniedError(status=403), 502),
        (ResponseFormatError(), 502),
        (ConnectError(), 502),
        (CertificateError(), 502),
        (ConnectionLostError(), 502),
        (RequestTimeoutError(), 504),
        (MissingSignatureError(), 400),
        (MissingCredentialsError(), None),
        (ConfirmationRequiredError(), None),
        (ReadOnlyError(), None),
        (SessionClosedError(), None),
        (FivetranError(), None),
    ],
)
def test_each_error_has_its_status(error: FivetranError, status: int | None) -> None:
    """Errors of the caller are 4xx, of Fivetran 501 to 504, of the service 500."""
    assert status_for(error) == status
    app = FastAPI()
    add_exception_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/").status_code == (status or 500)


def test_responses_name_the_failure() -> None:
    """The body has Fivetran's message and code; a 503 has Retry-After in whole seconds."""
    error = RateLimitedError(
        "Max 20000 calls", status=429, code="TooManyRequests", retry_after=12.3
    )
    app = FastAPI()
    add_exception_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    with TestClient(app) as client:
        answer = client.get("/")
        assert answer.json() == {"detail": "Max 20000 calls", "code": "TooManyRequests"}
        assert answer.headers["Retry-After"] == "13"
        error.retry_after = None
        assert client.get("/").headers["Retry-After"] == "1"


FoundConnections: TypeAlias = list[dict[str, Any]] | dict[str, Any]

CONNECTION = Connection(
    id="iodize_impressive",
    service="postgres",
    succeeded_at=datetime(2026, 5, 21, 8, 15, 30, tzinfo=UTC),
    status=ConnectionStatus(sync_state="scheduled"),
    config={"password": "hunter2"},
    extra={"brand_new_field": "hunter2"},
)


def answering(annotation: Any, value: object, **options: Any) -> TestClient:  # noqa: ANN401
    """Return a client of an application with one endpoint, which returns a value."""
    app = FastAPI()

    async def endpoint() -> object:
        return value

    endpoint.__annotations__["return"] = annotation
    app.get("/", **options)(endpoint)
    return TestClient(app)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Connection, CONNECTION),
        (list[Connection], [CONNECTION]),
        (tuple[Connection, ...], (CONNECTION,)),
        (dict[str, Connection], {"one": CONNECTION}),
        (Connection | None, CONNECTION),
    ],
)
def test_models_are_return_annotations(annotation: object, value: object) -> None:
    """The response has all fields, empty ones too, but no config and no unknown fields."""
    answer = answering(annotation, value).get("/")
    found = TypeAdapter(FoundConnections).validate_json(answer.text)
    found = found[0] if isinstance(found, list) else found.get("one", found)
    assert found["id"] == "iodize_impressive"
    assert found["succeeded_at"] == "2026-05-21T08:15:30Z"
    assert found["status"]["sync_state"] == "scheduled"
    assert found["setup_tests"] == []
    assert found["failed_at"] is None
    assert "hunter2" not in answer.text
    assert not {"config", "extra", "brand_new_field"} & set(found)


def test_the_options_of_fastapi_work_on_models() -> None:
    """`response_model_exclude` and the like leave out the named fields."""
    answer = answering(Connection, CONNECTION, response_model_exclude_none=True).get("/").json()
    assert "failed_at" not in answer
    answer = answering(Connection, CONNECTION, response_model_include={"id"}).get("/").json()
    assert answer == {"id": "iodize_impressive"}
    answer = answering(Connection, CONNECTION, response_model_exclude={"id"}).get("/").json()
    assert "id" not in answer
    assert answer["service"] == "postgres"


def test_one_time_secrets_are_left_out() -> None:
    """A response with one-time secrets needs `to_dict()`."""
    key = SystemKey(id="k", name="ci", key="shown_once", secret="shown_once")
    assert "shown_once" not in answering(SystemKey, key).get("/").text
    answer = answering(dict[str, object], key.to_dict()).get("/")
    assert answer.json()["secret"] == "shown_once"


def test_openapi_describes_models() -> None:
    """Components have names, types and the docstrings' descriptions, and no hidden fields."""
    schemas = answering(list[Connection], []).get("/openapi.json").json()["components"]["schemas"]
    connection = schemas["Connection"]
    assert connection["description"].startswith("A connection: it loads one source")
    assert connection["properties"]["sync_frequency"]["description"].startswith(
        "Minutes between syncs"
    )
    assert {"type": "string", "format": "date-time"} in connection["properties"]["succeeded_at"][
        "anyOf"
    ]
    assert connection["properties"]["status"]["$ref"] == "#/components/schemas/ConnectionStatus"
    assert "config" not in connection["properties"]
    assert schemas["ConnectionStatus"]["properties"]["tasks"]["items"] == {
        "$ref": "#/components/schemas/ConnectionTask"
    }


def test_models_are_request_bodies() -> None:
    """JSON is decoded as in the client; another object gets 422."""
    app = FastAPI()

    @app.post("/")
    async def take(connection: Annotated[Connection, Body()]) -> str:
        return f"{connection.id} {connection.config} {connection.extra}"

    with TestClient(app) as client:
        body = {"id": "one", "config": {"host": "db"}, "odd": 1}
        assert client.post("/", json=body).json() == "one {'host': 'db'} {'odd': 1}"
        assert client.post("/", json={"service": "postgres"}).status_code == 422
        schema = client.get("/openapi.json").json()["components"]["schemas"]["Connection"]
    assert schema["required"] == ["id"]
    assert "config" in schema["properties"]


def test_pydantic_models_can_hold_ours() -> None:
    """A field of a pydantic model may be one of our models."""

    class Report(BaseModel):
        connection: Connection
        group: Group | None = None

    report = Report(connection=CONNECTION, group=Group(id="g"))
    assert report.connection is CONNECTION
    assert '"id":"iodize_impressive"' in report.model_dump_json()
    with pytest.raises(ValidationError, match=r"Connection\.id"):
        Report.model_validate({"connection": {"service": "postgres"}})
    with pytest.raises(ValidationError, match="expected Connection"):
        Report.model_validate({"connection": 3})


def test_unset_fields_are_not_serialised() -> None:
    """An update with unset fields gains no fields."""
    adapter = TypeAdapter(ColumnUpdate)
    change = adapter.validate_json('{"hashed": true}')
    assert change == ColumnUpdate(hashed=True)
    assert adapter.dump_python(change) == {"hashed": True}


@for_each("model", [*ALL_MODELS, WebhookEvent])
def test_every_model_is_known_to_pydantic(model: type[Model]) -> None:
    """Each has a schema under its name, for responses and for request bodies."""
    adapter = TypeAdapter[Model](model)
    for mode in ("serialization", "validation"):
        assert adapter.json_schema(mode=mode)["title"] == model.__name__


@pytest.mark.slow
def test_pydantic_is_not_imported_without_need() -> None:
    """Importing models does not import pydantic."""
    program = (
        "import sys, fivetran_async.models as m; m.Connection; print('pydantic' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert printed.stdout.strip() == b"False"
