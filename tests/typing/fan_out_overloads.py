"""What type checkers infer from `fan_out`; checked, never run."""

# Both checkers report unused ignores, so each ignore proves an error.
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from typing import Literal, assert_type

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    FanOut,
    FanOutFailure,
    FivetranError,
    Pager,
    fan_out,
)
from fivetran_async.models import Connection, Group


def groups() -> Pager[Group]:
    """Stands for `fivetran.groups.list`."""
    raise NotImplementedError


def connections(group_id: str) -> Pager[Connection]:
    """Stands for `fivetran.connections.list`."""
    raise NotImplementedError


async def count(group: Group) -> int:
    """Stands for a caller's own coroutine function."""
    raise NotImplementedError


async def the_headline_example(fivetran: AsyncFivetran) -> None:
    """A pager for each item of a pager gives pairs of models, also through a lambda."""
    async with fivetran.fan_out(
        fivetran.groups.list(),
        lambda group: fivetran.connections.list(group_id=group.id),
        concurrency=20,
    ) as results:
        async for group, connection in results:
            assert_type(group, Group)
            assert_type(connection, Connection)
        async for pair in results:
            assert_type(pair, tuple[Group, Connection])


async def a_coroutine_function_on_the_session(fivetran: AsyncFivetran) -> None:
    """The session's method accepts every kind of function."""
    async with fivetran.fan_out(["a", "b"], fivetran.groups.get, on_error="yield") as results:
        async for pair in results:
            assert_type(pair, tuple[str, Group | FanOutFailure[str]])


async def a_coroutine_function(few: list[Group]) -> None:
    """The result of a coroutine is the second item of the pair."""
    async with fan_out(few, count, limiter=ConcurrencyLimiter(3), ordered=True) as results:
        async for pair in results:
            assert_type(pair, tuple[Group, int])
    async with fan_out(groups(), count, empties=True) as results:
        async for pair in results:
            assert_type(pair, tuple[Group, int])


async def failures_and_empties() -> None:
    """Only with failures or empties, the type of the second item includes them."""
    async with fan_out(groups(), lambda group: connections(group.id), on_error="yield") as failing:
        async for failed in failing:
            assert_type(failed, tuple[Group, Connection | FanOutFailure[Group]])
    async with fan_out(groups(), lambda group: connections(group.id), empties=True) as empties:
        async for empty in empties:
            assert_type(empty, tuple[Group, Connection | None])
    async with fan_out(
        groups(), lambda group: connections(group.id), on_error="yield", empties=True
    ) as both:
        async for either in both:
            assert_type(either, tuple[Group, Connection | FanOutFailure[Group] | None])
    async with fan_out(groups(), count, on_error="yield") as counted:
        async for group, result in counted:
            assert_type(group, Group)
            if isinstance(result, FanOutFailure):
                assert_type(result.source, Group)
                assert_type(result.error, FivetranError)
            else:
                assert_type(result, int)


async def failures_of_other_classes(mode: Literal["raise", "yield"]) -> None:
    """The class of the error is the one that `catch` names, or what a tuple has in common."""
    async with fan_out(groups(), count, on_error="yield", catch=Exception) as counted:
        async for _, result in counted:
            assert_type(result, int | FanOutFailure[Group, Exception])
    async with fan_out(
        groups(),
        lambda group: connections(group.id),
        on_error="yield",
        catch=(KeyError, IndexError),
        empties=True,
    ) as several:
        async for _, each in several:
            if isinstance(each, FanOutFailure):
                error: LookupError = each.error
                error.add_note("checked")
    fanned = fan_out(groups(), lambda group: connections(group.id), on_error=mode, catch=OSError)
    assert_type(fanned, FanOut[Group, Connection | FanOutFailure[Group, OSError]])
    fan_out(groups(), count, catch=Exception)  # type: ignore[call-overload]


async def a_mode_chosen_at_run_time(mode: Literal["raise", "yield"]) -> None:
    """Arguments without a literal type give the widest type."""
    fanned = fan_out(groups(), lambda group: connections(group.id), on_error=mode)
    assert_type(fanned, FanOut[Group, Connection | FanOutFailure[Group]])


async def outside_its_block() -> None:
    """Without `async with`, results cannot be iterated."""
    async for _ in fan_out(groups(), count):  # type: ignore[attr-defined]
        pass
