"""Setup tests: what the API reports of them, wherever it runs them."""

from fivetran_async._model import Model, model


@model
class SetupTest(Model):
    """
    One setup test and how it ended.

    Attributes:
        status: `PASSED`, `SKIPPED`, `WARNING`, `FAILED` or `JOB_FAILED`.
        details: Anything: the API sends text, lists and objects here.
    """

    title: str = ""
    status: str = ""
    message: str | None = None
    details: object = None

    @property
    def is_passed(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.status.upper() in {"PASSED", "SKIPPED"}
