"""
The sync logs that the Fivetran Platform Connector writes to your warehouse.

`query` returns SQL for your warehouse, and the classes turn result rows into objects. This package
connects to neither a database nor the API: execute the query with your own driver.

```python
from fivetran_async import sync_logs

failed = sync_logs.query("failed_syncs", dialect="postgres", since=yesterday)
cursor.execute(failed.sql, failed.parameters)
for sync in sync_logs.LoggedSync.from_rows(cursor):
    print(sync.connection_id, sync.ended_at, sync.status, sync.reason)
```
"""

from fivetran_async.sync_logs._dialects import DialectName, ParamStyle
from fivetran_async.sync_logs._rows import Columns, Cursor, NamedRow, Row
from fivetran_async.sync_logs._statements import QueryKind
from fivetran_async.sync_logs._tables import LogTables, TablesLike
from fivetran_async.sync_logs.entries import (
    FAILED_STATUSES,
    SCHEMA_CHANGE_EVENTS,
    SEVERITIES,
    AuditTrailEntry,
    ConnectorSdkLogEntry,
    LogEntry,
    LoggedSync,
    LogRow,
    MonthlyActiveRows,
    RecordsModified,
    SyncEndStatus,
    SyncMetrics,
)
from fivetran_async.sync_logs.queries import Query, QueryValue, query, tables_query

__all__ = [
    "FAILED_STATUSES",
    "SCHEMA_CHANGE_EVENTS",
    "SEVERITIES",
    "AuditTrailEntry",
    "Columns",
    "ConnectorSdkLogEntry",
    "Cursor",
    "DialectName",
    "LogEntry",
    "LogRow",
    "LogTables",
    "LoggedSync",
    "MonthlyActiveRows",
    "NamedRow",
    "ParamStyle",
    "Query",
    "QueryKind",
    "QueryValue",
    "RecordsModified",
    "Row",
    "SyncEndStatus",
    "SyncMetrics",
    "TablesLike",
    "query",
    "tables_query",
]
