"""PURE: what the arguments of operations on connections imply, and what is refused locally."""

from collections.abc import Mapping
from typing import Final, cast

from fivetran_async._http.operation import Arguments
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.resources.connection_models import ConnectionSchedule

_NEEDED: Final = {"CRON": "cron", "INTERVAL": "interval", "TIME_OF_DAY": "time_of_day"}
"""The field that each type of schedule requires; other types need none that is known."""


def check_schedule(schedule: object, schedule_type: object) -> None:
    """
    Refuse a schedule that the API documents to refuse; it judges the words and values itself.

    Raises:
        InvalidArgumentError: The type of the schedule is missing, or the field that it requires; or
            the schedule comes with `schedule_type="manual"`.
    """
    if isinstance(schedule, ConnectionSchedule):
        given: Arguments = schedule.to_dict()
    elif isinstance(schedule, Mapping):
        given = cast("Arguments", schedule)
    else:
        return
    if isinstance(schedule_type, str) and schedule_type.casefold() == "manual":
        raise InvalidArgumentError(
            "schedule must not be given with schedule_type='manual': use one of them, such as "
            "schedule=ConnectionSchedule(schedule_type='MANUAL')."
        )
    kind = given.get("schedule_type")
    if not isinstance(kind, str) or not kind:
        raise InvalidArgumentError(
            "schedule requires schedule_type: TIME_OF_DAY, INTERVAL, CRON or MANUAL."
        )
    needed = _NEEDED.get(kind.upper())
    if needed is not None and given.get(needed) in (None, ""):
        raise InvalidArgumentError(f"schedule requires {needed} with schedule_type={kind!r}.")


def how_to_find(arguments: Arguments) -> str:
    """Name the call that finds a connection which may have been created, by its unique name."""
    config, service = arguments.get("config"), arguments.get("service")
    given: Arguments = cast("Arguments", config) if isinstance(config, Mapping) else {}
    named = given.get("schema_prefix") or given.get("schema") or service
    table = given.get("table") if named == given.get("schema") else None
    schema = f"{named}.{table}" if table else str(named)
    return (
        "It may have been created: before you retry, check "
        f"connections.find(group_id={arguments.get('group_id')!r}, schema={schema!r})."
    )


def by_tests(body: Arguments) -> Arguments:
    """Return the facts of a create: without setup tests it draws from no quota of its own."""
    # By default the API runs the tests.
    return {"budgets": ()} if body.get("run_setup_tests") is False else {}


def by_tests_and_history(body: Arguments) -> Arguments:
    """Return the facts of an update: a historical sync is not repeated."""
    # Of an own request it may be anything that a lenient server takes for true.
    historical = body.get("is_historical_sync")
    return {**by_tests(body), **({"retry_class": "dangerous"} if historical else {})}


def by_force(body: Arguments) -> Arguments:
    """Return the facts of a trigger: a forced one stops the running sync, so it is not repeated."""
    return {"retry_class": "dangerous"} if body.get("force") else {}
