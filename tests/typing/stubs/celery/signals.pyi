from collections.abc import Callable

class Signal:
    def connect(self, receiver: Callable[..., object]) -> object: ...

task_retry: Signal
task_success: Signal
