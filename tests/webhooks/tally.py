"""The figures of the test with several processes, formatted for the end of a run."""

from __future__ import annotations

from collections import Counter


def summary(figures: Counter[str]) -> list[str]:
    """Format the sums over all tests."""
    events, lost, twice = (figures[name] for name in ("events", "lost", "twice without a reason"))
    killed, forgotten = figures["twice after a kill"], figures["twice after a loss of keys"]
    return [
        f"events {events:,}, lost {lost}, twice without a reason {twice}",
        f"counted apart: twice after a kill {killed}, after a store lost its keys {forgotten}",
        ", ".join(f"{name} {figures[name]:,}" for name in ("deliveries", "kills", "hiccups")),
    ]
