"""The examples of the vendor's definition, by the facts about them, pass `configs.check`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from fivetran_async import _services, configs
from fivetran_async._services import KINDS, ConfigField, ConfigFields
from services.samples import sample_of

Record: TypeAlias = Callable[[str, object], None]

FACTS: Final = Path(__file__).with_name("examples.tsv").read_text("utf-8").splitlines()

LIST_AS_TEXT: Final = "must be a list, not a text"
NO_CHOICE: Final = "is not one of the known choices"
EXCEPTIONS: Final[Mapping[str, str]] = {
    # The example writes a list as one text: `a, b`, `[a, b]` or a single item.
    "apache_kafka config.servers": LIST_AS_TEXT,
    "confluent_cloud config.servers": LIST_AS_TEXT,
    "firebase config.sub_collections": LIST_AS_TEXT,
    "google_display_and_video_360 config.reports[0].dimensions": LIST_AS_TEXT,
    "google_display_and_video_360 config.reports[0].metrics": LIST_AS_TEXT,
    "google_search_ads_360 config.reports[0].attributes": LIST_AS_TEXT,
    "google_search_ads_360 config.reports[0].metrics": LIST_AS_TEXT,
    "google_search_ads_360 config.reports[0].segments": LIST_AS_TEXT,
    "heroku_kafka config.servers": LIST_AS_TEXT,
    "pinterest_ads config.custom_reports[0].metrics": LIST_AS_TEXT,
    "reddit_ads config.custom_reports[0].breakdowns": LIST_AS_TEXT,
    "taboola config.account_ids": LIST_AS_TEXT,
    "yahoo_dsp config.advertisers_with_seat": LIST_AS_TEXT,
    # The example is a placeholder, such as the name of the field.
    "anaplan config.region": NO_CHOICE,
    "criteo config.report_timezone": NO_CHOICE,
    "managed_big_query config.data_set_location": NO_CHOICE,
    "salesforce_marketing_cloud config.instance": NO_CHOICE,
    "zoho_crm config.data_center": NO_CHOICE,
    "zuora_sandbox config.environment": NO_CHOICE,
}
"""Examples of the definition that do not have the type that the definition declares."""


def example(members: ConfigFields, facts: Mapping[str, Any], number: int) -> dict[str, object]:
    """Build the example of one part; `number` selects among the choices that it names."""
    return {
        name: value
        for name, field in members.items()
        if not field.read_only
        and (value := example_of(field, facts.get(name, "text"), number)) is not None
    }


def example_of(field: ConfigField, fact: Any, number: int) -> object:  # noqa: ANN401
    """Build the example of one field; None if the definition has none."""
    if isinstance(fact, list):
        choices = cast("list[str]", fact)
        return choices[number % len(choices)]
    if isinstance(fact, dict):
        if "[]" in fact:
            return [example_of(field, fact["[]"], number)]
        return example(field.fields, cast("dict[str, Any]", fact), number)
    if field.type == "object" and fact == "text":
        # An object of texts: all of its facts are left out.
        return example(field.fields, {}, number)
    return None if fact is None else sample_of(ConfigField(field.name, fact), "example")


def most_choices(fact: Any) -> int:  # noqa: ANN401
    """Count the choices of the field with the most of them."""
    if isinstance(fact, dict):
        return max(map(most_choices, cast("dict[str, Any]", fact).values()), default=1)
    return len(cast("list[object]", fact)) if isinstance(fact, list) else 1


def test_examples_of_all_services_pass(record_property: Record) -> None:
    """Every example passes, except those that the definition itself writes in another type."""
    rows = [line.split("\t") for line in FACTS if not line.startswith("#")]
    problems: dict[str, str] = {}
    failing: set[str] = set()
    for kind, service, text in rows:
        parts = _services.parts(service, cast("_services.ServiceKind", kind))
        facts = cast("dict[str, dict[str, Any]]", json.loads(text))
        for part, members in (parts or {}).items():
            for number in range(most_choices(facts.get(part, {}))):
                config = example(members, facts.get(part, {}), number)
                for found in configs.check(service, config, part=cast("Any", part)):
                    problems[f"{service} {part}.{found.path}"] = found.reason.partition(":")[0]
                    failing.add(service)
    assert problems == EXCEPTIONS
    figures = {"examples pass": len(rows) - len(failing), "services with examples": len(rows)}
    record_property("the table of services", {**figures, "exceptions": len(problems)})


def test_services_without_examples_are_newer_than_the_definition() -> None:
    """Services that have no example have no known fields, or come from the patch."""
    rows = {tuple(line.split("\t")[:2]) for line in FACTS if not line.startswith("#")}
    others = [
        service
        for kind in KINDS
        for service in _services.names(kind)
        if (kind, service) not in rows
    ]
    assert [
        service
        for service in others
        if _services.fields(service) or _services.fields(service, "destination")
    ] == ["postgres_wh"]
    assert rows <= {(kind, service) for kind in KINDS for service in _services.names(kind)}
