"""The command `check`: rules look at the files of a folder, without an account."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fivetran_async import as_code
from fivetran_async.as_code import CheckFindings, Finding
from fivetran_async.cli._context import Context
from fivetran_async.cli._file_options import CheckOptions
from fivetran_async.cli._options import PROGRAM, ExitCode, UnusableOptionError
from fivetran_async.cli._table import Document, OutputTable, Record, Summary
from fivetran_async.errors import InvalidArgumentError

RULE_FINDINGS: Final = OutputTable(
    "findings",
    ("address", "rule", "finding"),
    whole=("address",),
    example=lambda: {"message": ""},
)


async def check_folder(context: Context, options: CheckOptions) -> ExitCode:
    """Print what rules find; the code is 7 if they find something."""
    files = as_code.load(options.folder)
    if not files:
        # A check that checked nothing must not end like one that found nothing.
        raise UnusableOptionError(
            f"{options.folder}: the folder has no objects; `{PROGRAM} export {options.folder}` "
            "writes those of the account"
        )
    rules = tuple(each for path in options.rules for each in as_code.load_rules(path))
    found = as_code.check(files, rules or as_code.rules.READY)
    if options.junit is not None:
        _write(options.junit, as_code.junit(found))
    context.output.add(RULE_FINDINGS, map(rule_record, found))
    context.output.end(checked_summary(found, objects=len(files)))
    return ExitCode.FINDINGS if found else ExitCode.DONE


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise InvalidArgumentError(f"{path}: cannot be written: {error.strerror}") from None


def rule_record(finding: Finding) -> Record:
    """Return the record of one finding."""
    document: Document = {
        "address": finding.address,
        "rule": finding.rule,
        "message": finding.message,
    }
    return Record((finding.address, finding.rule, finding.message), lambda: document)


def checked_summary(found: CheckFindings, *, objects: int) -> Summary:
    """Return the summary of a check."""
    fields = (("objects", objects), ("rules", len(found.checked)), ("findings", len(found)))
    checked: Document = dict(found.checked)
    return Summary(fields, lambda: {"objects": objects, "checked": dict(checked)})
