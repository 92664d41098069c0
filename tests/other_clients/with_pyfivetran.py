"""Typical code with pyfivetran, against the URL from the environment."""

# This client publishes no types.
# pyright: basic, reportMissingImports=false
# mypy: ignore-errors

from __future__ import annotations

import os

import httpx
from pyfivetran import FivetranClient


class Redirecting(httpx.HTTPTransport):
    """Sends requests for the vendor's host to another URL; the client has no setting for it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = httpx.URL(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(
            scheme=self._url.scheme, host=self._url.host, port=self._url.port
        )
        return super().handle_request(request)


client = FivetranClient(
    os.environ["FIVETRAN_API_KEY"],
    os.environ["FIVETRAN_API_SECRET"],
    transport=Redirecting(os.environ["FIVETRAN_URL"]),
)

group = client.group_endpoint.create_group("Marketing")
group.modify("Sales")
assert [each.name for each in client.group_endpoint.list_groups()] == ["Sales"]
assert client.group_endpoint.get_group(group.fivetran_id).name == "Sales"
assert group.public_key

connector = client.connector_endpoint.create_connector(
    {
        "group_id": group.fivetran_id,
        "service": "google_sheets",
        "config": {"schema": "sheets", "table": "budget", "sheet_id": "1", "named_range": "all"},
        "run_setup_tests": False,
    }
)
client.connector_endpoint.get_connector(connector.fivetran_id).sync()
connector.modify(paused=True, run_setup_tests=False)
assert client.role_endpoint.list_roles()
