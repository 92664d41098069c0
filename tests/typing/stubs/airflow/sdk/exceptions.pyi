from airflow.triggers.base import BaseTrigger

class AirflowException(Exception): ...
class AirflowNotFoundException(AirflowException): ...

class TaskDeferred(BaseException):
    trigger: BaseTrigger
    method_name: str
