"""
A fake Fivetran account for tests: without network access, credentials or costs.

```python
async with FakeFivetran() as fake:
    group_id = fake.add_group(name="warehouse")
    async with fake.client() as fivetran:
        ...
    assert fake.requests[-1].operation == "groups.get"
```
"""

from __future__ import annotations

from fivetran_async.testing._account import Delivery
from fivetran_async.testing._server import RecordedRequest
from fivetran_async.testing._store import UnknownRecordError
from fivetran_async.testing._twins import AccountRecords
from fivetran_async.testing.budgets import Budget
from fivetran_async.testing.clock import FakeClock
from fivetran_async.testing.fake import FakeFivetran
from fivetran_async.testing.faults import Fault

__all__ = [
    "AccountRecords",
    "Budget",
    "Delivery",
    "FakeClock",
    "FakeFivetran",
    "Fault",
    "RecordedRequest",
    "UnknownRecordError",
]
