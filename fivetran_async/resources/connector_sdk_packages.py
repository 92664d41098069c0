"""`fivetran.connector_sdk_packages` - <https://fivetran.com/docs/rest-api/api-reference>."""

import os
from datetime import datetime
from pathlib import Path
from typing import overload

from fivetran_async._http.body import multipart_body
from fivetran_async._http.operation import operation
from fivetran_async._http.result import READ_BYTES, ActionResult
from fivetran_async._model import Model, model
from fivetran_async.pagination import Pager
from fivetran_async.resources._package_files import (
    BinaryFile,
    Download,
    check_content,
    content_of,
)
from fivetran_async.resources._resource import Resource


@model
class ConnectorSdkPackage(Model):
    """
    The code of a connector of your own; a connection names it in `config["package_id"]`.

    Attributes:
        file_sha256_hash: The SHA-256 of what was uploaded.
        connection_id: The connection that uses it, if any.
        created_by: The user who made it.
        last_updated_by: The user who uploaded it last.
    """

    id: str
    file_sha256_hash: str | None = None
    connection_id: str | None = None
    created_at: datetime | None = None
    created_by: str = ""
    updated_at: datetime | None = None
    last_updated_by: str = ""


_LIST = operation("connector_sdk_packages.list", "GET", "/v1/connector-sdk/packages")
_GET = operation("connector_sdk_packages.get", "GET", "/v1/connector-sdk/packages/{package_id}")
_CREATE = operation(
    "connector_sdk_packages.create", "POST", "/v1/connector-sdk/packages", slow=True
)
_UPDATE = operation(
    "connector_sdk_packages.update", "PATCH", "/v1/connector-sdk/packages/{package_id}", slow=True
)
_DOWNLOAD = operation(
    "connector_sdk_packages.download",
    "GET",
    "/v1/connector-sdk/packages/{package_id}/download",
    slow=True,
)
_DELETE = operation(
    "connector_sdk_packages.delete", "DELETE", "/v1/connector-sdk/packages/{package_id}"
)


class ConnectorSdkPackages(Resource):
    """
    `fivetran.connector_sdk_packages`: the code of connectors of your own, as ZIP files.

    <https://fivetran.com/docs/rest-api/api-reference>
    """

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[ConnectorSdkPackage]:
        """
        List the packages of the account.

        GET /v1/connector-sdk/packages

        Args:
            limit: Packages per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, ConnectorSdkPackage, limit=limit, cursor=cursor)

    async def get(self, package_id: str) -> ConnectorSdkPackage:
        """
        Return what is known of one package, without its code.

        GET /v1/connector-sdk/packages/{package_id}
        """
        return await self._transport.call(_GET, ConnectorSdkPackage, package_id)

    async def create(
        self, *, file: bytes | str | os.PathLike[str] | BinaryFile
    ) -> ConnectorSdkPackage:
        """
        Upload a new package.

        POST /v1/connector-sdk/packages

        Args:
            file: The ZIP file: its bytes, its path, or the file itself, open in binary mode.

        Raises:
            InvalidArgumentError: The file cannot be read; nothing was sent.
            AmbiguousOutcomeError: It may exist now; list the packages to find out.
        """
        return await self._transport.call(
            _CREATE,
            ConnectorSdkPackage,
            content=multipart_body("file", "code.zip", await content_of(file)),
        )

    async def update(
        self, package_id: str, *, file: bytes | str | os.PathLike[str] | BinaryFile
    ) -> ConnectorSdkPackage:
        """
        Replace the code of a package; the connection that uses it runs it from its next sync on.

        PATCH /v1/connector-sdk/packages/{package_id}

        Args:
            package_id: The package.
            file: The ZIP file: its bytes, its path, or the file itself, open in binary mode.

        Raises:
            InvalidArgumentError: The file cannot be read; nothing was sent.
        """
        return await self._transport.call(
            _UPDATE,
            ConnectorSdkPackage,
            package_id,
            content=multipart_body("file", "code.zip", await content_of(file)),
        )

    async def delete(self, package_id: str) -> ActionResult:
        """
        Delete a package that no connection uses.

        DELETE /v1/connector-sdk/packages/{package_id}

        Raises:
            PermissionDeniedError: A connection uses it.
        """
        return await self._transport.call(_DELETE, ActionResult, package_id)

    @overload
    async def download(self, package_id: str, *, to: None = None, verify: bool = True) -> bytes: ...
    @overload
    async def download(
        self, package_id: str, *, to: str | os.PathLike[str], verify: bool = True
    ) -> Path: ...
    async def download(
        self, package_id: str, *, to: str | os.PathLike[str] | None = None, verify: bool = True
    ) -> bytes | Path:
        """
        Return the ZIP file of a package, or write it to a file, whatever its size.

        GET /v1/connector-sdk/packages/{package_id}/download

        Args:
            package_id: The package.
            to: The file to write; it appears, or is replaced, once the download is whole. Without
                it the bytes are returned, up to the session's `max_response_bytes`.
            verify: Compare it with the hash that `get` tells, by one more request.

        Raises:
            InvalidArgumentError: The file cannot be written.
            ResponseFormatError: What came is not what was uploaded.
        """
        expected_hash = (await self.get(package_id)).file_sha256_hash if verify else None
        if to is None:
            content = await self._transport.call(_DOWNLOAD, READ_BYTES, package_id)
            await check_content(content, expected_hash)
            return content
        target = Path(to)
        async with Download(target) as download:
            await self._transport.call(_DOWNLOAD, READ_BYTES, package_id, sink=download)
            await download.keep(expected_hash)
        return target
