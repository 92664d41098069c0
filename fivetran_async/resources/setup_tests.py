"""The results of setup tests, for all families that run them."""

from fivetran_async._model import Model, model


@model
class SetupTest(Model):
    """
    The result of one setup test.

    Attributes:
        status: `PASSED`, `SKIPPED`, `WARNING`, `FAILED` or `JOB_FAILED`.
        details: Details; the API sends text, lists or objects.
    """

    title: str = ""
    status: str = ""
    message: str | None = None
    details: object = None

    @property
    def is_passed(self) -> bool:
        """True if the test passed or was skipped."""
        return self.status.upper() in {"PASSED", "SKIPPED"}
