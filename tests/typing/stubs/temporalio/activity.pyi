from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", bound=Callable[..., object])

def defn(function: T, /) -> T: ...
