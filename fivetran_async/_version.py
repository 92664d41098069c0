"""The version of this package; its metadata is built from here."""

from typing import Final

__version__: Final = "0.1.0"
