from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from logging import Logger
from types import TracebackType
from typing import NoReturn, Self, TypeAlias

from airflow.triggers.base import BaseTrigger

Context: TypeAlias = Mapping[str, object]

class Connection:
    login: str | None
    password: str | None
    @property
    def extra_dejson(self) -> dict[str, object]: ...

class BaseHook:
    @classmethod
    def get_connection(cls, conn_id: str) -> Connection: ...
    @classmethod
    async def aget_connection(cls, conn_id: str) -> Connection: ...

class XComArg: ...

class OperatorPartial:
    def expand(self, **mapped: object) -> BaseOperator: ...

class BaseOperator:
    template_fields: Sequence[str]
    ui_color: str
    execution_timeout: timedelta | None
    log: Logger
    def __init__(self, **kwargs: object) -> None: ...
    def defer(
        self,
        *,
        trigger: BaseTrigger,
        method_name: str,
        kwargs: dict[str, object] | None = None,
        timeout: timedelta | float | None = None,
    ) -> NoReturn: ...
    @classmethod
    def partial(cls, **kwargs: object) -> OperatorPartial: ...
    @property
    def output(self) -> XComArg: ...

class BaseSensorOperator(BaseOperator):
    timeout: float

class DAG:
    def __init__(
        self,
        dag_id: str,
        *,
        schedule: str | None = None,
        params: Mapping[str, object] | None = None,
        description: str | None = None,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

def task(function: Callable[..., object]) -> Callable[..., XComArg]: ...
