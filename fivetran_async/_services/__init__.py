"""
The config fields of each service: their types, their choices, and which of them are secrets.

`nox -s services` generates `table.tsv` from the vendor's definition. The first lookup reads the
file and parses the row of one service; importing this package does neither. Services and fields
that are not in the table can exist: the vendor adds some every week.
"""

from fivetran_async._services._near import nearest
from fivetran_async._services._secrets import is_secret_name, replace_secrets, secret_values
from fivetran_async._services._table import (
    KINDS,
    ConfigField,
    ConfigFields,
    ServiceKind,
    fields,
    known,
    names,
    parts,
    secret_fields,
    secret_names,
)

__all__ = [
    "KINDS",
    "ConfigField",
    "ConfigFields",
    "ServiceKind",
    "fields",
    "is_secret_name",
    "known",
    "names",
    "nearest",
    "parts",
    "replace_secrets",
    "secret_fields",
    "secret_names",
    "secret_values",
]
