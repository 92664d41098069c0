import abc
from collections.abc import AsyncIterator
from logging import Logger

class TriggerEvent:
    payload: object
    def __init__(self, payload: object) -> None: ...

class TaskInstance:
    dag_id: str
    run_id: str
    task_id: str
    map_index: int

class BaseTrigger(abc.ABC):
    log: Logger
    task_instance: TaskInstance | None
    def __init__(self) -> None: ...
    @abc.abstractmethod
    def serialize(self) -> tuple[str, dict[str, object]]: ...
    @abc.abstractmethod
    def run(self) -> AsyncIterator[TriggerEvent]: ...
    async def cleanup(self) -> None: ...
    async def on_kill(self) -> None: ...
