"""
The config fields of each service: their types, their choices, and which of them are secrets.

`nox -s services` generates `table.tsv` from the vendor's definition. The first lookup reads the
file and parses one service; importing this package does neither. Services and fields that are not
in the table can exist: the vendor adds some every week.

Import `class_names` and `metadata` by their own names: a check of a config needs neither.
"""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fivetran_async._services._check import ConfigProblem, config_problems
    from fivetran_async._services._near import nearest
    from fivetran_async._services._secrets import is_secret_name, replace_secrets, secret_values
    from fivetran_async._services._table import (
        KINDS,
        PARTS,
        ConfigField,
        ConfigFields,
        ConfigPart,
        ServiceKind,
        fields,
        kind_of,
        known,
        names,
        parts,
        secret_fields,
        secret_names,
    )
    from fivetran_async._services._texts import (
        holds_secret,
        is_mask,
        public_part,
        secrets_in_text,
    )

__all__ = [
    "KINDS",
    "PARTS",
    "ConfigField",
    "ConfigFields",
    "ConfigPart",
    "ConfigProblem",
    "ServiceKind",
    "config_problems",
    "fields",
    "holds_secret",
    "is_mask",
    "is_secret_name",
    "kind_of",
    "known",
    "names",
    "nearest",
    "parts",
    "public_part",
    "replace_secrets",
    "secret_fields",
    "secret_names",
    "secret_values",
    "secrets_in_text",
]

_MODULES: Final = {
    "_check": ("ConfigProblem", "config_problems"),
    "_near": ("nearest",),
    "_secrets": ("is_secret_name", "replace_secrets", "secret_values"),
    "_texts": ("holds_secret", "is_mask", "public_part", "secrets_in_text"),
}

if not TYPE_CHECKING:
    # Hidden from checkers, which would take every name for one that exists.

    def __getattr__(name: str) -> object:
        """Import a name on first use: a check of a config needs half of the modules."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = (module for module, names in _MODULES.items() if name in names)
        module = importlib.import_module(f"{__name__}.{next(found, '_table')}")
        return globals().setdefault(name, getattr(module, name))
