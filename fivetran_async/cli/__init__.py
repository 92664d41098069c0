"""
The command line: `fivetran-async`, or `python -m fivetran_async`.

Arguments become `CommandOptions`. A command calls the API and passes records to an `Output`, which
prints them as plain text, with rich, or as JSON. The client imports nothing from this package.
"""

from __future__ import annotations

from fivetran_async.cli._main import main
from fivetran_async.cli._options import ExitCode

__all__ = ["ExitCode", "main"]
