"""
The requests that deploying a connector of the Connector SDK takes, with the standard library.

They follow the vendor's pages: older paths with `connectors`, numbers and flags as texts, the code
as a form. The vendor's own program is not used, because its license forbids to publish results.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import urllib.error
import urllib.request
from typing import Any, Final

import steps

URL: Final = os.environ["FIVETRAN_URL"]
PAIR: Final = f"{os.environ['FIVETRAN_API_KEY']}:{os.environ['FIVETRAN_API_SECRET']}"
JSON: Final = "application/json"
FIRST_CODE, SECOND_CODE = b"PK\x03\x04 first\r\n", b"PK\x03\x04 second\r\n--not-the-boundary\r\n"

made: dict[str, str] = {}


def send(
    verb: str,
    path: str,
    body: bytes | None = None,
    *,
    content_type: str = JSON,
    pair: str = PAIR,
) -> tuple[int, bytes]:
    """Send a request, and return the status and the body of the response."""
    request = urllib.request.Request(URL + path, data=body, method=verb)  # noqa: S310
    request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    request.add_header("Accept", JSON)
    if body is not None:
        request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def call(verb: str, path: str, body: object = None, *, status: int = 200) -> Any:  # noqa: ANN401
    """Send JSON, check the status, and return `data`."""
    sent = None if body is None else json.dumps(body).encode()
    found, raw = send(verb, path, sent)
    assert found == status, (verb, path, found, raw)
    return json.loads(raw).get("data")


def upload(verb: str, path: str, code: bytes, *, status: int) -> Any:  # noqa: ANN401
    """Send code as the file of a form, and check its hash in the response."""
    boundary = "f0e1d2c3b4a59687"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="code.zip"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    body = head.encode() + code + f"\r\n--{boundary}--\r\n".encode()
    found, raw = send(verb, path, body, content_type=f"multipart/form-data; boundary={boundary}")
    assert found == status, (found, raw)
    package = json.loads(raw)["data"]
    assert package["file_sha256_hash"] == hashlib.sha256(code).hexdigest()
    return package


def account() -> None:
    """Read the account."""
    assert "account_id" in call("GET", "/v1/account/info")


def wrong_key() -> None:
    """Be refused with a wrong key."""
    status, raw = send("GET", "/v1/groups", pair="x:y")
    assert (status, json.loads(raw)["code"]) == (401, "AuthFailed")


def destination() -> None:
    """Create group and destination."""
    made["group"] = call("POST", "/v1/groups", {"name": "Sales"}, status=201)["id"]
    body = {"group_id": made["group"], "service": "big_query", "run_setup_tests": "false"}
    call("POST", "/v1/destinations", body, status=201)


def find_destination() -> None:
    """Find them."""
    groups = call("GET", "/v1/groups?limit=100")["items"]
    assert [each["id"] for each in groups if each["name"] == "Sales"] == [made["group"]]
    assert call("GET", f"/v1/destinations/{made['group']}")["service"] == "big_query"


def no_migration() -> None:
    """Survive a missing route."""
    status, raw = send("GET", "/v1/connector-sdk/migration/connections?limit=100")
    assert (status, json.loads(raw)["code"]) == (404, "NotFound")


def nothing_deployed() -> None:
    """Find nothing deployed."""
    path = f"/v1/groups/{made['group']}/connectors?schema=weather"
    assert call("GET", path)["items"] == []


def first_package() -> None:
    """Upload a package."""
    package = upload("POST", "/v1/connector-sdk/packages", FIRST_CODE, status=201)
    made["package"] = package["id"]


def settings(value: str) -> dict[str, object]:
    """Return the config of the connector, with a secret."""
    return {
        "schema": "weather",
        "python_version": "3.12",
        "package_id": made["package"],
        "secrets_list": [{"key": "token", "value": value}],
    }


def deploy() -> None:
    """Deploy."""
    body = {
        "service": "connector_sdk",
        "group_id": made["group"],
        "sync_frequency": "360",
        "paused": "true",
        "run_setup_tests": "true",
        "config": settings("first"),
    }
    created = call("POST", "/v1/connectors", body, status=201)
    made["connector"] = created["id"]
    assert (created["schema"], created["sync_frequency"], created["paused"]) == (
        "weather",
        360,
        True,
    )
    assert "first" not in json.dumps(created)


def find_deployed() -> None:
    """Find the deployed connector."""
    path = f"/v1/groups/{made['group']}/connectors?schema=weather&limit=100"
    assert [each["id"] for each in call("GET", path)["items"]] == [made["connector"]]
    assert call("GET", f"/v1/connectors/{made['connector']}")["service"] == "connector_sdk"


def deploy_twice() -> None:
    """Be refused a second one."""
    body = {"service": "connector_sdk", "group_id": made["group"], "config": settings("x")}
    call("POST", "/v1/connectors", body, status=409)


def redeploy_package() -> None:
    """Upload the next package."""
    upload("PATCH", f"/v1/connector-sdk/packages/{made['package']}", SECOND_CODE, status=200)


def redeploy_settings() -> None:
    """Deploy next settings."""
    body = {"config": settings("second"), "run_setup_tests": "true"}
    changed = call("PATCH", f"/v1/connectors/{made['connector']}", body)
    assert "second" not in json.dumps(changed)


def list_packages() -> None:
    """List packages."""
    packages = call("GET", "/v1/connector-sdk/packages")["items"]
    assert [each["id"] for each in packages] == [made["package"]]


def package_in_use() -> None:
    """Keep the package in use."""
    package = call("GET", f"/v1/connector-sdk/packages/{made['package']}")
    assert made["connector"] in (package.get("connection_ids") or [package["connection_id"]])
    call("DELETE", f"/v1/connector-sdk/packages/{made['package']}", status=403)


def download() -> None:
    """Download the package."""
    status, raw = send("GET", f"/v1/connector-sdk/packages/{made['package']}/download")
    assert (status, raw) == (200, SECOND_CODE)


def unpause() -> None:
    """Resume."""
    changed = call("PATCH", f"/v1/connectors/{made['connector']}", {"paused": "false"})
    assert changed["paused"] is False


def sync() -> None:
    """Sync."""
    call("POST", f"/v1/connectors/{made['connector']}/sync", {"force": "true"})


def pause() -> None:
    """Pause."""
    call("PATCH", f"/v1/connectors/{made['connector']}", {"paused": "true"})


steps.run(
    "deploy sequence",
    [
        account,
        wrong_key,
        destination,
        find_destination,
        no_migration,
        nothing_deployed,
        first_package,
        deploy,
        find_deployed,
        deploy_twice,
        redeploy_package,
        redeploy_settings,
        list_packages,
        package_in_use,
        download,
        unpause,
        sync,
        pause,
    ],
)
