"""The program behind `nox -s drift`, run on a small definition that is made up."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from services.definition import definition, scalar

CI: Final = Path(__file__).parents[2] / ".ci"

GROUPS: Final = ("GET", "/v1/groups")
GROUP: Final = ("GET", "/v1/groups/{}")
PRIVATE_LINK: Final = ("PATCH", "/v1/private-links/{}")
SCHEMAS: Final = ("GET", "/v1/connections/{}/schemas")
SYNC: Final = ("POST", "/v1/connections/{}/sync")
UPDATE: Final = ("PATCH", "/v1/connections/{}/schemas/{}/tables/{}")


@pytest.fixture(name="program", scope="module")
def load_program() -> Iterator[Any]:
    """Import the program, which imports the program of the services from its own folder."""
    sys.path.insert(0, str(CI))
    yield importlib.import_module("definition_drift")
    sys.path.remove(str(CI))


def described(**fields: object) -> dict[str, object]:
    """Declare an object."""
    return {"type": "object", "properties": fields}


def listed(item: object) -> dict[str, object]:
    """Declare an array."""
    return {"type": "array", "items": item}


def responds(data: object) -> dict[str, object]:
    """Declare a response in its envelope."""
    schema = described(code=scalar(), message=scalar(), data=data)
    return {"200": {"content": {"application/json": {"schema": schema}}}, "404": {}}


def takes(body: object) -> dict[str, object]:
    """Declare a body."""
    return {"content": {"application/json": {"schema": body}}}


def small_definition() -> dict[str, Any]:
    """Build a definition of six operations that agree with ours, in different notations."""
    document = definition()
    group = {"$ref": "#/components/schemas/Group"}
    document["components"]["schemas"]["Group"] = described(
        id=scalar(), name=scalar(), created_at=scalar(format="date-time")
    )
    limit = {"name": "limit", "in": "query", "schema": scalar("integer")}
    document["components"]["parameters"] = {"limit": limit}
    column = described(
        enabled=scalar("boolean"),
        hashed=scalar("boolean"),
        is_primary_key=scalar("boolean"),
    )
    document["paths"] |= {
        "/v1/groups": {
            "parameters": [{"name": "cursor", "in": "query", "schema": scalar()}],
            "get": {
                "parameters": [
                    {"$ref": "#/components/parameters/limit"},
                    {"name": "Accept", "in": "header", "schema": scalar()},
                ],
                "responses": responds(described(items=listed(group), next_cursor=scalar())),
            },
        },
        "/v1/groups/{theGroup}": {"get": {"responses": responds(group)}},
        "/v1/connections/{id}/sync": {
            "post": {
                "requestBody": takes(described(force=scalar("boolean"))),
                "responses": responds({}),
            }
        },
        "/v1/connections/{id}/schemas/{schema}/tables/{table}": {
            "patch": {
                "requestBody": takes(
                    {
                        "allOf": [
                            described(enabled=scalar("boolean")),
                            described(
                                sync_mode={"enum": ["SOFT_DELETE", "HISTORY", "live"]},
                                columns={"type": "object", "additionalProperties": column},
                            ),
                        ]
                    }
                ),
                "responses": responds({"type": "object"}),
            }
        },
    }
    return document


def differences(program: Any, document: dict[str, Any]) -> list[str]:  # noqa: ANN401
    """Compare the operations of a definition with our operations of the same names."""
    theirs = program.Definition(document).operations()
    bases = {("POST", path) for path in ("/v1/connections", "/v1/destinations")}
    bases |= {("POST", path) for path in ("/v1/external-logging", "/v1/private-links")}
    ours = program.our_operations()
    known = {GROUPS, GROUP, SYNC, UPDATE}
    return list(
        program.operation_differences(
            {key: each for key, each in theirs.items() if key not in bases},
            {key: each for key, each in ours.items() if key in known},
        )
    )


def place(document: dict[str, Any], path: str, *steps: str | int) -> Any:  # noqa: ANN401
    """Return a part of a definition."""
    found: Any = document["paths"][path]
    for step in steps:
        found = found[step]
    return found


def test_a_definition_that_agrees_has_no_differences(program: Any) -> None:  # noqa: ANN401
    """References, arrays, `allOf`, mappings, shared parameters and letter case do not matter."""
    columns = "patch", "requestBody", "content", "application/json", "schema", "allOf", 1
    document = small_definition()
    update = "/v1/connections/{id}/schemas/{schema}/tables/{table}"
    found = differences(program, document)
    # Fields that the table of an update has beside those of the small definition.
    assert all(line.startswith(f"- {' '.join(UPDATE)} body.") for line in found)
    # A mapping is also described by one example of a name.
    fields = place(document, update, *columns, "properties")
    fields["columns"] = described(column=fields["columns"]["additionalProperties"])
    assert differences(program, document) == found


def test_what_came_and_went_has_a_line(program: Any) -> None:  # noqa: ANN401
    """Operations, parameters, fields at any depth and words, in either direction."""
    document = small_definition()
    before = differences(program, document)
    group = document["components"]["schemas"]["Group"]["properties"]
    group["brand_new"] = listed(scalar())
    del group["created_at"]
    document["paths"]["/v1/novelties/{id}"] = {"delete": {"responses": responds({})}}
    del document["paths"]["/v1/connections/{id}/sync"]
    place(document, "/v1/groups", "get", "parameters").append(
        {"name": "only", "in": "query", "schema": scalar()}
    )
    update = "/v1/connections/{id}/schemas/{schema}/tables/{table}"
    fields = place(
        document, update, "patch", "requestBody", "content", "application/json", "schema", "allOf"
    )[1]["properties"]
    fields["sync_mode"]["enum"] = ["SOFT_DELETE", "HISTORY", "TURBO"]
    fields["columns"]["additionalProperties"]["properties"]["tint"] = scalar()
    found = [line for line in differences(program, document) if line not in before]
    patch = " ".join(UPDATE)
    assert sorted(found) == [
        "+ DELETE /v1/novelties/{}",
        "+ GET /v1/groups query.only",
        "+ GET /v1/groups response.brand_new",
        "+ GET /v1/groups/{} response.brand_new",
        f"+ {patch} body.columns.*.tint",
        f"+ {patch} body.sync_mode: TURBO",
        "- GET /v1/groups response.created_at",
        "- GET /v1/groups/{} response.created_at",
        f"- {patch} body.sync_mode: LIVE",
        "- POST /v1/connections/{}/sync",
    ]


def test_data_where_we_read_a_message_is_missing(program: Any) -> None:  # noqa: ANN401
    """Fields of a response that the client drops are one line."""
    document = small_definition()
    place(document, "/v1/connections/{id}/sync", "post")["responses"] = responds(
        described(sync_id=scalar(), state=scalar())
    )
    line = "+ POST /v1/connections/{}/sync response: fields state sync_id"
    assert line in differences(program, document)


def test_kinds_of_an_object_are_merged(program: Any) -> None:  # noqa: ANN401
    """Fields of the kinds of an object count, as does the word that distinguishes them."""
    document = {
        "components": {
            "schemas": {
                "Base": {
                    "properties": {"name": scalar()},
                    "discriminator": {
                        "propertyName": "type",
                        "mapping": {"A": "#/components/schemas/A", "B": "#/components/schemas/B"},
                    },
                },
                "A": {"allOf": [{"$ref": "#/components/schemas/Base"}, described(a=scalar())]},
                "B": {"allOf": [{"$ref": "#/components/schemas/Base"}, described(b=scalar())]},
            }
        },
        "paths": {
            "/v1/x": {
                "post": {
                    "requestBody": takes({"$ref": "#/components/schemas/Base"}),
                    "responses": {},
                }
            }
        },
    }
    body = program.Definition(document).operations()["POST", "/v1/x"]["body"]
    assert set(body.fields) == {"name", "type", "a", "b"}
    assert body.fields["type"].choices == [frozenset({"A", "B"})]


def test_services_that_came_and_went_have_lines(program: Any) -> None:  # noqa: ANN401
    """Services, their fields and their choices are compared with the table."""
    document = definition()
    found = list(program.service_differences(document))
    assert "+ source shop" in found
    assert "- source google_ads" in found
    schemas = document["components"]["schemas"]
    shown = schemas["Source"]["discriminator"]["mapping"]
    taken = schemas["NewSource"]["discriminator"]["mapping"]
    schemas["google_ads"] = {"allOf": [described(config=described(tint=scalar()))]}
    shown["google_ads"] = taken["google_ads"] = "#/components/schemas/google_ads"
    found = list(program.service_differences(document))
    assert '+ source google_ads config.tint: "text"' in found
    assert any(line.startswith("- source google_ads config.") for line in found)


@pytest.mark.parametrize(("is_missing", "code"), [(True, 1), (False, 0)])
def test_the_exit_code_tells_what_is_missing_here(
    program: Any,  # noqa: ANN401
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    is_missing: bool,  # noqa: FBT001
    code: int,
) -> None:
    """It is 1 if something is missing here, and 0 if something is missing in the definition."""
    document = small_definition()
    if is_missing:
        document["paths"]["/v1/novelties"] = {"get": {"responses": responds({})}}
    path, purposes = tmp_path / "definition.json", tmp_path / "purposes.tsv"
    path.write_text(json.dumps(document), encoding="utf-8")
    reasons = [
        "# a comment",
        "+ source *\tmade up",
        "+ destination lake\tmade up",
        "+ log log\tmade up",
        "+ private_link LINK_AWS\tmade up",
        "+ GET /v1/nowhere\tnever found",
    ]
    purposes.write_text("\n".join(reasons), encoding="utf-8")
    assert program.main([str(path), "--on-purpose", str(purposes)]) == code
    *lines, summary = capsys.readouterr().out.splitlines()
    assert ("+ GET /v1/novelties" in lines) is is_missing
    assert "- source google_ads" in lines
    assert "on purpose, and not found: + GET /v1/nowhere" in lines
    assert f"missing here: {code}" in summary


def test_every_difference_on_purpose_has_a_reason(program: Any) -> None:  # noqa: ANN401
    """The committed table is readable, and each of its rows is a line with a reason."""
    purposes = program.read_purposes(program.ON_PURPOSE.read_text("utf-8"))
    assert purposes
    for purpose in purposes:
        assert purpose.pattern[:2] in {"+ ", "- ", "~ "}
        assert len(purpose.reason) > 10
