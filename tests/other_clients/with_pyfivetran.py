"""Typical code with pyfivetran, against the URL from the environment."""

# This client publishes no types.
# pyright: basic, reportMissingImports=false
# mypy: ignore-errors

from __future__ import annotations

import os
from typing import Any

import httpx
import steps
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
made: dict[str, Any] = {}


def create_group() -> None:
    """Create a group."""
    made["group"] = client.group_endpoint.create_group("Marketing")


def rename_group() -> None:
    """Rename it."""
    made["group"].modify("Sales")


def list_groups() -> None:
    """List groups."""
    assert [each.name for each in client.group_endpoint.list_groups()] == ["Sales"]


def get_group() -> None:
    """Get the group."""
    assert client.group_endpoint.get_group(made["group"].fivetran_id).name == "Sales"


def public_key() -> None:
    """Read its public key."""
    assert made["group"].public_key


def create_connector() -> None:
    """Create a connector."""
    made["connector"] = client.connector_endpoint.create_connector(
        {
            "group_id": made["group"].fivetran_id,
            "service": "google_sheets",
            "config": {
                "schema": "sheets",
                "table": "budget",
                "sheet_id": "1",
                "named_range": "all",
            },
            "run_setup_tests": False,
        }
    )


def sync() -> None:
    """Sync it."""
    client.connector_endpoint.get_connector(made["connector"].fivetran_id).sync()


def pause() -> None:
    """Pause it."""
    made["connector"].modify(paused=True, run_setup_tests=False)


def list_roles() -> None:
    """List roles."""
    assert client.role_endpoint.list_roles()


steps.run(
    "pyfivetran",
    [
        create_group,
        rename_group,
        list_groups,
        get_group,
        public_key,
        create_connector,
        sync,
        pause,
        list_roles,
    ],
)
