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
    The code of a custom connector; a connection refers to it in `config["package_id"]`.

    Attributes:
        file_sha256_hash: The SHA-256 hash of the uploaded file.
        connection_id: The connection that uses it, if any.
        connection_ids: All connections that use it, if the response has the field: a package can be
            shared.
        created_by: The user who created it.
        last_updated_by: The user who last uploaded a file.
    """

    id: str
    file_sha256_hash: str | None = None
    connection_id: str | None = None
    connection_ids: tuple[str, ...] = ()
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
    `fivetran.connector_sdk_packages`: upload and download the code of custom connectors.

    <https://fivetran.com/docs/rest-api/api-reference>
    """

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[ConnectorSdkPackage]:
        """
        List the Connector SDK packages of the account.

        GET /v1/connector-sdk/packages

        Args:
            limit: Packages per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, ConnectorSdkPackage, limit=limit, cursor=cursor)

    async def get(self, package_id: str) -> ConnectorSdkPackage:
        """
        Return the metadata of one package, without its code.

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
            file: The ZIP file: its bytes, its path, or a file opened in binary mode.

        Raises:
            InvalidArgumentError: The file cannot be read; no request was sent.
            AmbiguousOutcomeError: It may have been created; list the packages to check.
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
        Replace the code of a package; its connection runs the new code from the next sync.

        PATCH /v1/connector-sdk/packages/{package_id}

        Args:
            package_id: The package.
            file: The ZIP file: its bytes, its path, or a file opened in binary mode.

        Raises:
            InvalidArgumentError: The file cannot be read; no request was sent.
        """
        return await self._transport.call(
            _UPDATE,
            ConnectorSdkPackage,
            package_id,
            content=multipart_body("file", "code.zip", await content_of(file)),
        )

    async def delete(self, package_id: str) -> ActionResult:
        """
        Delete a package.

        DELETE /v1/connector-sdk/packages/{package_id}

        Raises:
            PermissionDeniedError: A connection still uses it.
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
        Download the ZIP file of a package: return its bytes, or write them to a file.

        GET /v1/connector-sdk/packages/{package_id}/download

        Args:
            package_id: The package.
            to: The file to write, of any size; it is created or replaced when the download is
                complete. Without it the bytes are returned, up to `max_response_bytes` of the
                session.
            verify: True compares the file with the hash from `get`, which takes one more request.

        Raises:
            InvalidArgumentError: The file cannot be written.
            ResponseFormatError: The hash does not match.
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
