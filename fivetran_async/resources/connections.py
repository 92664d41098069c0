"""`fivetran.connections` - <https://fivetran.com/docs/rest-api/api-reference/connections>."""

from fivetran_async.resources._connection_operations import ConnectionOperations
from fivetran_async.syncs._methods import SyncMethods


class Connections(SyncMethods, ConnectionOperations):
    """
    `fivetran.connections`: manage connections, and wait for their syncs.

    <https://fivetran.com/docs/rest-api/api-reference/connections>
    """
