"""Types that were accepted once are remembered, and nothing else is accepted because of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from fivetran_async._arguments import accepts, checked
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import InvalidArgumentError
from support.samples import sample

HINTS: Final[list[Any]] = [
    str,
    int,
    float,
    bool,
    object,
    datetime,
    str | None,
    int | Unset,
    Literal["a", "b"],
    Literal["a"] | int,
    Sequence[str],
    Sequence[str] | None,
    Mapping[str, object],
    Mapping[str, str] | Unset,
]
VALUES: Final = st.sampled_from(
    ["a", "c", 1, True, 1.5, None, UNSET, datetime.now(UTC), ["a"], [1], ("a",), {"a": 1}, {1: "a"}]
)


@settings(max_examples=sample(100, 2_500))
@given(
    hint=st.sampled_from(HINTS),
    values=st.lists(st.tuples(VALUES, st.booleans()), min_size=1, max_size=20),
)
def test_each_value_is_judged_by_itself(
    hint: Any,  # noqa: ANN401 - an annotation
    values: list[tuple[object, bool]],
) -> None:
    """Whatever was accepted or refused before, by position or by name."""

    class Family:
        def take(self, value: object) -> object:
            return value

        take.__annotations__["value"] = hint
        take = checked(take)

    for value, by_name in values:
        expected = accepts(hint)(value)
        try:
            if by_name:
                assert Family().take(value=value) is value
            else:
                assert Family().take(value) is value
            accepted = True
        except InvalidArgumentError:
            accepted = False
        assert accepted == expected
