from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

class ActivityEnvironment:
    def run(self, function: Callable[[str], T], argument: str) -> T: ...
