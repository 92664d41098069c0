"""Sessions for tests, and the answers that the API would give them."""

from __future__ import annotations
