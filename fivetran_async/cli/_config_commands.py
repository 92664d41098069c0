"""The commands about configs, which work without an account: `config show`, `check`, `template`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from fivetran_async._services import (
    PARTS,
    ConfigFields,
    kind_of,
    names,
    nearest,
    parts,
)
from fivetran_async._services import fields as fields_of
from fivetran_async._services.class_names import config_classes
from fivetran_async._services.metadata import help_texts, metadata_fields
from fivetran_async.cli._config_views import (
    FIELDS,
    PROBLEMS,
    FileConfig,
    UnusableFileError,
    configs_in,
    field_records,
    problem_record,
    template_of,
    unknown_service_record,
)
from fivetran_async.cli._context import Context
from fivetran_async.cli._options import PROGRAM, ExitCode, UnusableOptionError
from fivetran_async.cli._specs import ConfigOptions
from fivetran_async.cli._table import Record, Summary
from fivetran_async.client import AsyncFivetran
from fivetran_async.configs import check as check_offline
from fivetran_async.errors import FivetranError, MissingCredentialsError, NotFoundError
from fivetran_async.resources.connector_types import ConnectorType

_WHERE = f"; `{PROGRAM} request GET /v1/metadata/connector-types --all` lists those of the API"


async def show_fields(context: Context, options: ConfigOptions) -> ExitCode:
    """Print the fields of a service: by live metadata if there are credentials, else the table."""
    service = options.service or ""
    known = _parts_of(service)
    live = (
        await _metadata(service, context) if known is None or service in names("source") else None
    )
    if known is None and live is None:
        context.output.fail(_unknown(service))
        return ExitCode.USAGE
    found, help = dict(known or {}), dict[str, Mapping[str, str]]()
    if live is not None:
        for part, schema in live.schemas().items():
            found[part] = metadata_fields(schema, fields_of(service, "source", part))
            help[part] = help_texts(schema)
    records = [
        record
        for part in PARTS
        for record in field_records(part, found.get(part, ConfigFields()), help.get(part, {}))
    ]
    context.output.add(FIELDS, records)
    name = config_classes().get(service)
    source = "table" if live is None else "live metadata"
    shown = {"service": service, "class": name, "source": source}
    context.output.end(
        Summary([(key, value) for key, value in shown.items() if value], lambda: shown)
    )
    return ExitCode.DONE


async def check_files(context: Context, options: ConfigOptions) -> ExitCode:
    """Check the configs in files, by the table or with `--live` by live metadata."""
    try:
        found = [each for file in options.files for each in await _read(context, file, options)]
    except UnusableFileError as error:
        raise UnusableOptionError(str(error)) from None
    if options.live:
        async with context.open_account() as fivetran:
            records = [record for each in found for record in await _live(each, options, fivetran)]
    else:
        records = [record for each in found for record in _offline(each, options)]
    context.output.add(PROBLEMS, records)
    counts = (("configs", str(len(found))), ("problems", str(len(records))))
    context.output.end(Summary(counts, lambda: {"configs": len(found)}))
    return ExitCode.FINDINGS if records else ExitCode.DONE


async def print_template(context: Context, options: ConfigOptions) -> ExitCode:
    """Print the body that creates a service, as JSON with placeholders."""
    service = options.service or ""
    known = _parts_of(service)
    if known is None:
        context.output.fail(_unknown(service))
        return ExitCode.USAGE
    context.output.document(template_of(service, known))
    return ExitCode.DONE


def _parts_of(service: str) -> Mapping[str, ConfigFields] | None:
    kind = kind_of(service)
    return None if kind is None else parts(service, kind)


def _unknown(service: str) -> str:
    near = nearest(service, (*names("source"), *names("destination"), *names("log")))
    hint = f"; did you mean {near!r}?" if near else _WHERE
    return f"{service!r} is not a service that this release knows{hint}"


async def _metadata(service: str, context: Context) -> ConnectorType | None:
    """Return live metadata if there are credentials and the service exists."""
    try:
        async with context.open_account() as fivetran:
            return await fivetran.connector_types.get(service)
    except (MissingCredentialsError, NotFoundError):
        return None
    except FivetranError as error:
        context.output.note(f"Without live metadata: {error}")
        return None


async def _read(context: Context, file: str, options: ConfigOptions) -> list[FileConfig]:
    name = "stdin" if file == "-" else file
    text = await context.keyboard.read("JSON") if file == "-" else _text_of(file)
    found = list(configs_in(name, text, options.service))
    if not found:
        # A check that checked nothing must not end like one that found nothing.
        raise UnusableOptionError(f"{name} has no configs: its list is empty")
    return [attrs.evolve(each, file=file) for each in found]


def _text_of(file: str) -> str:
    try:
        return Path(file).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableOptionError(f"{file} is not text in UTF-8") from None
    except OSError as error:
        raise UnusableOptionError(f"{file} cannot be read: {error.strerror}") from None


def _offline(found: FileConfig, options: ConfigOptions) -> list[Record]:
    if kind_of(found.service) is None:
        # A check that checked nothing must not end like one that found nothing.
        return [unknown_service_record(found, f"{_unknown(found.service)}; try --live")]
    return [
        problem_record(found, part, problem)
        for part, config in found.parts.items()
        for problem in check_offline(
            found.service, config, creating=options.creating and part == "config", part=part
        )
    ]


async def _live(found: FileConfig, options: ConfigOptions, fivetran: AsyncFivetran) -> list[Record]:
    if kind_of(found.service) not in {"source", None}:
        # Only sources have metadata.
        return _offline(found, options)
    return [
        problem_record(found, part, problem)
        for part, config in found.parts.items()
        for problem in await fivetran.connector_types.check(
            found.service, config, creating=options.creating and part == "config", part=part
        )
    ]
