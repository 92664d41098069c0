"""Check the wheel with the extra `airflow`, which installs no Airflow: `nox -s install`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from environment import check_packages

from fivetran_async.integrations import airflow


def error_of(use: Callable[[], object]) -> ModuleNotFoundError:
    """Return the error that a first use raises."""
    try:
        use()
    except ModuleNotFoundError as error:
        return error
    raise AssertionError("the extra installed Airflow")


def main() -> None:
    """Import the module, and read what to install from the error of its first use."""
    assert "FivetranSyncOperator" in dir(airflow)
    assert "aiohttp" not in sys.modules
    caught = error_of(lambda: airflow.FivetranSyncOperator)
    assert caught.name == "airflow"
    assert "pip install 'apache-airflow>=3.1'" in str(caught)
    sys.stdout.write("airflow: the extra installs nothing; the error says what to install\n")


assert check_packages("airflow") == check_packages()
main()
