"""Reads rules from a Python file, for the command line."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from fivetran_async.as_code._checks.checks import CheckRule
from fivetran_async.as_code.errors import FilesError


def load_rules(path: str | Path) -> tuple[CheckRule, ...]:
    """
    Run a Python file, and return the rules that it defines or imports, in its order.

    Args:
        path: A file with functions that `as_code.rule` marked. It is run: load only your own files.

    Raises:
        FilesError: The file cannot be read or raises, or it has no rules.
    """
    place = Path(path)
    name = f"_fivetran_rules_{place.stem}"
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise FilesError([f"{place}: is not a Python file"])
    module = importlib.util.module_from_spec(spec)
    # Classes that the file defines look their module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except OSError as error:
        raise FilesError([f"{place}: cannot be read: {error.strerror}"]) from None
    except (Exception, SystemExit) as error:
        raise FilesError([f"{place}: raised {type(error).__name__}: {error}"]) from error
    finally:
        sys.modules.pop(name, None)
    found: dict[int, CheckRule] = {}
    for value in vars(module).values():
        for each in value if isinstance(value, (tuple, list)) else (value,):  # pyright: ignore[reportUnknownVariableType]
            if isinstance(each, CheckRule):
                found[id(each)] = each
    if not found:
        raise FilesError([f'{place}: has no rules; mark functions with @as_code.rule("KIND")'])
    return tuple(found.values())
