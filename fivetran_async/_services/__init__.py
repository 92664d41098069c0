"""
What each service takes: the fields of its config, their types and choices, and which are secret.

The facts are in `table.tsv`, generated from the vendor's definition by `nox -s services`. It is
read at the first lookup, and the facts of one service are parsed when that service is looked up;
importing this package does neither. A service or a field that is not in the table may exist all
the same: the vendor adds some every week.
"""

from fivetran_async._services._near import nearest
from fivetran_async._services._secrets import is_secret_name, replace_secrets, secret_values
from fivetran_async._services._table import (
    KINDS,
    Field,
    Fields,
    Kind,
    fields,
    known,
    names,
    parts,
    secret_fields,
    secret_names,
)

__all__ = [
    "KINDS",
    "Field",
    "Fields",
    "Kind",
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
