from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")

class unsafe:
    @staticmethod
    def imports_passed_through() -> AbstractContextManager[None]: ...

def defn(cls: type[T], /) -> type[T]: ...
def run(function: T, /) -> T: ...
async def execute_activity(
    activity: Callable[[str], Awaitable[T]], argument: str, *, start_to_close_timeout: timedelta
) -> T: ...
