"""Entry point of `python -m fivetran_async` and of the script `fivetran-async`."""

from __future__ import annotations

import sys

from fivetran_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
