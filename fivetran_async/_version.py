"""The version of this package, as in its metadata."""

from typing import Final

__version__: Final = "0.1.0"
