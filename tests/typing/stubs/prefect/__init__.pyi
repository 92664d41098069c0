from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T", bound=Callable[[str], Awaitable[str]])

@overload
def task(function: T, /) -> T: ...
@overload
def task(*, retries: int) -> Callable[[T], T]: ...
def flow(function: T, /) -> T: ...
