from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import io
import resource
import threading
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path

import pytest

from fivetran_async import (
    AsyncFivetran,
    ConnectionLostError,
    InvalidArgumentError,
    PermissionDeniedError,
    ResponseFormatError,
)
from fivetran_async.resources._package_files import Download, in_thread
from fivetran_async.testing import FakeFivetran
from support import faults
from support.fake_clock import FakeClock
from support.faults import FaultServer, reply
from support.sessions import ONCE, STEADY, session_at, success

ARCHIVE = b"PK\x03\x04 not really a ZIP file\r\n--but with awkward bytes\x00\xff" * 3
SHA256 = hashlib.sha256(ARCHIVE)

RECORD = success({"id": "p1", "file_sha256_hash": SHA256.hexdigest()})
FILE = reply(body=ARCHIVE, headers={"Content-Type": "application/octet-stream"})


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An empty account."""
    async with FakeFivetran(running=False) as fake:
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """A session with it."""
    async with fake.client() as fivetran:
        yield fivetran


@contextlib.contextmanager
def small_files_only() -> Generator[None]:
    """Limit files to 10 kB, only during a call, because the output of pytest is a file too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names_in(folder: Path) -> list[str]:
    """List the files in a folder."""
    return sorted(file.name for file in folder.iterdir())


def opened(path: Path) -> io.BytesIO:
    """Open a file in binary mode."""
    return io.BytesIO(path.read_bytes())


@pytest.mark.parametrize(
    "open_as",
    [
        pytest.param(Path.read_bytes, id="bytes"),
        pytest.param(str, id="path as text"),
        pytest.param(Path, id="path"),
        pytest.param(opened, id="open file"),
    ],
)
async def test_a_package_comes_back_as_it_was_uploaded(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path, open_as: Callable[[Path], bytes]
) -> None:
    """Bytes, a path and an open file upload the same bytes."""
    source = tmp_path / "package.zip"
    source.write_bytes(ARCHIVE)
    packages = fivetran.connector_sdk_packages
    made = await packages.create(file=open_as(source))
    upload = fake.requests[-1]
    assert upload.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="code.zip"' in upload.body_bytes
    assert made.file_sha256_hash == SHA256.hexdigest()
    assert await packages.download(made.id) == ARCHIVE


async def test_a_new_upload_replaces_the_code(fivetran: AsyncFivetran) -> None:
    """The package keeps its id and gets another hash."""
    packages = fivetran.connector_sdk_packages
    made = await packages.create(file=b"old")
    changed = await packages.update(made.id, file=ARCHIVE)
    assert changed.id == made.id
    assert changed.file_sha256_hash == SHA256.hexdigest()
    assert await packages.list().collect() == [changed]


async def test_a_package_in_use_is_kept(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The API responds with 403, not 409."""
    made = await fivetran.connector_sdk_packages.create(file=ARCHIVE)
    fake.add_connection(service="connector_sdk", config={"package_id": made.id})
    with pytest.raises(PermissionDeniedError):
        await fivetran.connector_sdk_packages.delete(made.id)


async def test_files_that_cannot_be_read_are_refused_unsent(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """The error names the file and is not a network error."""
    missing, closed = tmp_path / "missing.zip", io.BytesIO(ARCHIVE)
    closed.close()
    packages = fivetran.connector_sdk_packages
    with pytest.raises(InvalidArgumentError, match=r"missing\.zip cannot be read: No such file"):
        await packages.create(file=missing)
    with pytest.raises(InvalidArgumentError, match="cannot be read: Is a directory"):
        await packages.update("p1", file=tmp_path)
    with pytest.raises(InvalidArgumentError, match=r"file cannot be read: .* closed file"):
        await packages.create(file=closed)
    with pytest.raises(InvalidArgumentError, match="binary mode"):
        await packages.create(file=io.StringIO("text"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidArgumentError, match="null"):
        await packages.create(file="a\0b")
    with pytest.raises(InvalidArgumentError, match="file must be"):
        await packages.create(file=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert fake.requests == []


async def test_a_download_becomes_the_file(fivetran: AsyncFivetran, tmp_path: Path) -> None:
    """The target is replaced, its path returned, and nothing else is left in the folder."""
    made = await fivetran.connector_sdk_packages.create(file=ARCHIVE)
    target = tmp_path / "package.zip"
    target.write_bytes(b"older")
    assert await fivetran.connector_sdk_packages.download(made.id, to=str(target)) == target
    assert target.read_bytes() == ARCHIVE
    assert names_in(tmp_path) == ["package.zip"]


async def test_a_streamed_download_has_no_cap(fake: FakeFivetran, tmp_path: Path) -> None:
    """A download to a file can be larger than a response that is read into memory."""
    content = ARCHIVE * 5_000
    async with fake.client(max_response_bytes=1_000, retry=ONCE) as fivetran:
        made = await fivetran.connector_sdk_packages.create(file=content)
        with pytest.raises(ResponseFormatError, match="max_response_bytes"):
            await fivetran.connector_sdk_packages.download(made.id)
        target = await fivetran.connector_sdk_packages.download(made.id, to=tmp_path / "large")
    assert target.read_bytes() == content


@pytest.mark.parametrize(
    ("told", "requests"),
    [
        pytest.param(SHA256.hexdigest().upper(), 2, id="upper case"),
        pytest.param(base64.b64encode(SHA256.digest()).decode(), 2, id="base64"),
        pytest.param(None, 2, id="not told"),
    ],
)
async def test_a_hash_in_another_form_is_the_same(told: str | None, requests: int) -> None:
    """Hex and base64 hashes are accepted, and a missing hash is not checked."""
    record = success({"id": "p1", "file_sha256_hash": told})
    async with FaultServer(record, FILE) as server, session_at(server.url) as fivetran:
        assert await fivetran.connector_sdk_packages.download("p1") == ARCHIVE
    assert len(server.requests) == requests


async def test_another_content_is_refused(tmp_path: Path) -> None:
    """A package with another hash is neither returned nor written, except with `verify=False`."""
    other = reply(body=b"something else")
    target = tmp_path / "package.zip"
    target.write_bytes(b"older")
    script = (RECORD, other, RECORD, other, other)
    async with FaultServer(*script) as server, session_at(server.url) as fivetran:
        packages = fivetran.connector_sdk_packages
        with pytest.raises(ResponseFormatError, match="SHA-256"):
            await packages.download("p1")
        with pytest.raises(ResponseFormatError, match="SHA-256"):
            await packages.download("p1", to=target)
        assert target.read_bytes() == b"older"
        assert names_in(tmp_path) == ["package.zip"]
        assert await packages.download("p1", verify=False) == b"something else"
    assert len(server.requests) == 5


def bytes_in(folder: Path) -> int:
    """Return the number of bytes in a folder."""
    return sum(file.stat().st_size for file in folder.iterdir())


async def test_a_broken_download_starts_over(clock: FakeClock, tmp_path: Path) -> None:
    """The file does not keep bytes of the failed attempt."""
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"x" * 20_000

    async def break_off(exchange: faults.Exchange) -> bool:
        await exchange.send(begun)
        while not bytes_in(tmp_path):  # noqa: ASYNC110 - a folder has no event for it
            await asyncio.sleep(0.001)
        return False

    async with (
        FaultServer(RECORD, faults.Fault("break-off", break_off), FILE) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        target = await fivetran.connector_sdk_packages.download("p1", to=tmp_path / "package.zip")
    assert target.read_bytes() == ARCHIVE
    assert len(server.requests) == 3


async def test_a_failed_download_leaves_nothing(tmp_path: Path) -> None:
    """A failed download leaves neither a target nor a temporary file."""
    script = (RECORD, faults.SHORT_BODY)
    async with FaultServer(*script) as server, session_at(server.url, retry=ONCE) as fivetran:
        with pytest.raises(ConnectionLostError):
            await fivetran.connector_sdk_packages.download("p1", to=tmp_path / "package.zip")
    assert names_in(tmp_path) == []


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    """A cancelled download leaves the folder unchanged."""
    async with (
        FaultServer(RECORD, faults.HANG_IN_BODY) as server,
        session_at(server.url) as fivetran,
    ):
        task = asyncio.create_task(
            fivetran.connector_sdk_packages.download("p1", to=tmp_path / "package.zip")
        )
        while len(server.played) < 2:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("target", ["package.zip", "missing/package.zip"])
async def test_a_download_cancelled_at_its_very_beginning_leaves_nothing(
    tmp_path: Path, target: str
) -> None:
    """A temporary file that a thread creates during the cancellation is removed."""
    task = asyncio.create_task(Download(tmp_path / target).__aenter__())
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names_in(tmp_path) == []


async def test_work_in_a_thread_is_over_before_its_caller() -> None:
    """A caller waits for the thread before it cleans up, however often it is cancelled."""
    started, released, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        released.wait(60.0)
        done.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(started.wait, 60.0)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done.is_set()


async def test_files_that_cannot_be_written_are_refused(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """The error names the file, is raised before the download and is not a network error."""
    made = await fivetran.connector_sdk_packages.create(file=ARCHIVE)
    for target, reason in (
        (tmp_path, "Is a directory"),
        (tmp_path / "missing" / "package.zip", "No such file or directory"),
    ):
        with pytest.raises(InvalidArgumentError, match=f"{target} cannot be written: {reason}"):
            await fivetran.connector_sdk_packages.download(made.id, to=target)
    assert fake.requests_for("connector_sdk_packages.download") == []


async def test_a_full_disk_is_no_failure_of_the_network(tmp_path: Path) -> None:
    """A failed write ends the download, names the file and leaves no file behind."""
    large = reply(body=ARCHIVE * 5_000)
    async with FaultServer(RECORD, large) as server, session_at(server.url) as fivetran:
        with (
            pytest.raises(InvalidArgumentError, match=r"package\.zip cannot be written: File too"),
            small_files_only(),
        ):
            await fivetran.connector_sdk_packages.download("p1", to=tmp_path / "package.zip")
    assert len(server.requests) == 2
    assert names_in(tmp_path) == []
