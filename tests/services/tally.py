"""The counts of the tests of the table of services, for the summary of a run."""

from __future__ import annotations

from collections import Counter


def summary(figures: Counter[str]) -> list[str]:
    """Return one line each for the content of the table, its examples and the tested secrets."""
    lines: list[str] = []
    if figures["fields"]:
        kinds = ("source", "destination", "log", "private_link")
        services = ", ".join(f"{figures[kind]} {kind}" for kind in kinds)
        fields = f"{figures['fields']} fields, {figures['choices']} choices"
        lines.append(f"services: {services}; {fields}, {figures['secret']} secret")
    if figures["services with examples"]:
        lines.append(
            f"the examples of {figures['examples pass']} of {figures['services with examples']}"
            f" services pass the check; {figures['exceptions']} examples are not of their own type"
        )
    if figures["marked"]:
        lines.append(
            f"of {figures['marked']} fields marked as password, {figures['masked']} come back"
            f" masked or not at all, {figures['refused']} are refused as masks"
        )
    return lines
