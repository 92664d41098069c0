"""`fivetran.connections` - <https://fivetran.com/docs/rest-api/api-reference/connections>."""

from fivetran_async.resources._connection_operations import ConnectionOperations
from fivetran_async.syncs._methods import SyncMethods


class Connections(SyncMethods, ConnectionOperations):
    """
    `fivetran.connections`: the connections of the account, and waits for their syncs.

    <https://fivetran.com/docs/rest-api/api-reference/connections>
    """
