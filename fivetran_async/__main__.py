"""`python -m fivetran_async`, and the script `fivetran-async`: see `fivetran_async.cli`."""

from __future__ import annotations

import sys

from fivetran_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
