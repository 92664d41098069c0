"""
The command line: `fivetran-async`, or `python -m fivetran_async`.

Arguments become `Options`, a command asks the account and hands records to an `Output`, and that
prints them as plain text, with rich, or as JSON. Nothing of the client imports it.
"""

from __future__ import annotations

from fivetran_async.cli._main import main
from fivetran_async.cli._options import ExitCode

__all__ = ["ExitCode", "main"]
