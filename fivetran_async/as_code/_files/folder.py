"""A folder of files: what people edit, and `.fivetran/` with the base, the ids and the runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, cast

from fivetran_async.as_code._files.folder_content import FolderContent
from fivetran_async.as_code._files.folder_lock import locked
from fivetran_async.as_code._files.json_files import (
    dumped,
    json_files,
    read_object,
    remove_file,
    write_text,
)
from fivetran_async.as_code._files.secret_lock import SecretLock
from fivetran_async.as_code._kinds.addresses import address_in, file_names, is_shortened
from fivetran_async.as_code._kinds.scope import Scope
from fivetran_async.as_code.errors import FilesError
from fivetran_async.errors import InvalidArgumentError, WrongAccountError

ADDRESS_KEY: Final = "$address"
"""The key that holds the address where the file's name is too short for it."""

OBSERVED_KEY: Final = "$observed"
"""The key of base files that holds the server's own fields."""

JOURNAL_SUFFIX: Final = ".jsonl"
"""How the names of the journals of runs end."""

_IGNORED: Final = (
    "# Runs and fingerprints of secrets stay on this machine.\n/runs/\n/secrets.lock\n/lock\n"
)


class AccountFolder:
    """The files of one account in one folder."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.state = self.root / ".fivetran"
        self._base_names: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"<AccountFolder {self.root}>"

    @property
    def base(self) -> Path:
        """The folder of the base files."""
        return self.state / "base"

    @property
    def runs(self) -> Path:
        """The folder of the journals."""
        return self.state / "runs"

    @property
    def secrets_lock(self) -> Path:
        """The file with the fingerprints of the secrets that were sent."""
        return self.state / "secrets.lock"

    def read_account(self) -> tuple[str, str]:
        """Return the id and the name of the account; empty if the folder has none."""
        path = self.state / "account.json"
        if not path.exists():
            return "", ""
        found = read_object(path)
        return str(found.get("account_id") or ""), str(found.get("account_name") or "")

    def read_ids(self) -> dict[str, str] | None:
        """
        Return the ids by address, or None if the folder has none.

        Raises:
            FilesError: The file is not a mapping of text to text.
        """
        path = self.state / "ids.json"
        if not path.exists():
            return None
        found = read_object(path)
        wrong = [key for key, value in found.items() if not isinstance(value, str)]
        if wrong:
            raise FilesError([f"{path}: {key}: must be an id" for key in wrong])
        return cast("dict[str, str]", found)

    def write_ids(self, ids: Mapping[str, str]) -> None:
        """Replace the ids."""
        write_text(self.state / "ids.json", dumped(dict(ids)), durable=True)

    def read_scope(self) -> Scope | None:
        """
        Return the scope of the exports, or None if nothing was exported here.

        Raises:
            FilesError: The file does not describe one.
        """
        path = self.state / "scope.json"
        if not path.exists():
            return None
        try:
            return Scope.from_json(read_object(path).get("exports"))
        except FilesError:
            raise
        except InvalidArgumentError as error:
            raise FilesError([f"{path}: exports: {error.message}"]) from None

    def read_files(self) -> dict[str, tuple[str, dict[str, object]]]:
        """
        Return the content of each file by address, with the file's path for messages.

        Raises:
            FilesError: Files cannot be read, or two files have the same address.
        """
        return _read_tree(self.root, self.root)

    def read_base(self) -> dict[str, dict[str, object]]:
        """Return the content of each base file by address."""
        found = _read_tree(self.base, self.root) if self.base.exists() else {}
        return {address: content for address, (_, content) in found.items()}

    def has_base(self) -> bool:
        """Return True if something was exported to the folder."""
        return (self.state / "scope.json").exists()

    def write_base(self, address: str, fields: Mapping[str, object] | None) -> None:
        """Replace the base file of one object; None removes it."""
        if self._base_names is None:
            self._base_names = self._by_address(self.base)
        known = self._base_names.get(address)
        if fields is None:
            if known is not None:
                remove_file(self.base / known, self.base)
                del self._base_names[address]
            return
        if known is None:
            known = file_names((*self._base_names, address))[address]
            self._base_names[address] = known
        write_text(self.base / known, dumped(_with_address(address, known, fields)))

    def read_file(self, address: str) -> dict[str, object] | None:
        """
        Return the content of the file of one object, or None if it has none.

        Raises:
            FilesError: The file cannot be read.
        """
        name = self._by_address(self.root).get(address)
        if name is None:
            return None
        content = read_object(self.root / name)
        return {key: value for key, value in content.items() if key != ADDRESS_KEY}

    def write_file(self, address: str, fields: Mapping[str, object]) -> None:
        """Replace the file of one object."""
        known = self._by_address(self.root)
        name = known.get(address) or file_names((*known, address))[address]
        write_text(self.root / name, dumped(_with_address(address, name, fields)))

    def save(self, content: FolderContent, *, force: bool) -> None:
        """
        Write files, base, ids and scope.

        Raises:
            WrongAccountError: The folder belongs to another account.
            FolderLockedError: A run is changing the account from the folder.
            FilesError: Files differ from the base, or a run has changed the account since the
                export began, and `force` is not given; or they cannot be written.
        """
        with locked(self.state / "lock"):
            self._save(content, force=force)

    def _save(self, content: FolderContent, *, force: bool) -> None:
        pinned, _ = self.read_account()
        if pinned and content.account_id and pinned != content.account_id:
            raise WrongAccountError(
                f"{self.root} has the files of account {pinned!r}, not of {content.account_id!r}: "
                "export to another folder."
            )
        files = self.read_files()
        before = self.read_base()
        if not force:
            self._refuse_edits(files, before, content)
            self._refuse_older(content)
        sources = content.sources(self.read_ids() or {}, files)
        edited = {address: fields for address, (_, fields) in files.items()}
        written, base = content.completed(edited, before, sources)
        stale = self._stale(files, before, content)
        self._write_tree(self.root, written, _names_of(files), stale)
        if content.base is not None:
            old_scope = self.read_scope()
            scope = old_scope.joined(content.scope) if old_scope is not None else content.scope
            gone = {
                address for address in before if address not in base and not content.keeps(address)
            }
            self._write_tree(self.base, base, self._by_address(self.base), gone)
            write_text(self.state / "scope.json", dumped({"exports": scope.to_json()}))
            # Runs before this time are known to the base.
            with contextlib.suppress(OSError):
                (self.state / "scope.json").touch()
            SecretLock(self.secrets_lock).rename(sources)
        self._write_state(content)

    def _refuse_older(self, content: FolderContent) -> None:
        """Refuse an export that began before a run that has moved the base since."""
        if content.base is None or content.since is None or not self.runs.is_dir():
            return
        for run in sorted(self.runs.iterdir()):
            if run.suffix == JOURNAL_SUFFIX and run.stat().st_mtime > content.since:
                problem = (
                    f"{self.root}: the run {run.stem} changed the account after this export began:"
                    " export it once more, or pass force=True to replace its results"
                )
                raise FilesError([problem])

    def _write_state(self, content: FolderContent) -> None:
        if content.account_id:
            pin = {"account_id": content.account_id, "account_name": content.account_name}
            write_text(self.state / "account.json", dumped(pin))
        kept = self.read_ids() or {}
        # An address of this scope that is gone has no id any more.
        unread = {address: id for address, id in kept.items() if content.keeps(address)}
        self.write_ids({**unread, **content.ids})
        write_text(self.state / ".gitignore", _IGNORED)

    def _refuse_edits(
        self,
        files: Mapping[str, tuple[str, dict[str, object]]],
        base: Mapping[str, dict[str, object]],
        content: FolderContent,
    ) -> None:
        problems: list[str] = []
        for address in sorted({*files, *base}):
            if content.keeps(address):
                continue
            edited = files[address][1] if address in files else None
            saved = _without_marks(base[address]) if address in base else None
            if edited == saved or edited == content.files.get(address):
                continue
            name = files[address][0] if address in files else f"the file of {address}"
            how = "is new" if saved is None else "was removed" if edited is None else "was edited"
            problems.append(f"{name}: {how} since the last export; pass force=True to replace it")
        if problems:
            raise FilesError(problems)

    @staticmethod
    def _stale(
        files: Mapping[str, tuple[str, dict[str, object]]],
        base: Mapping[str, dict[str, object]],
        content: FolderContent,
    ) -> set[str]:
        """Return the addresses of files to remove; a file that was never exported stays."""
        return {
            address
            for address in files
            if address in base and address not in content.files and not content.keeps(address)
        }

    def _by_address(self, root: Path) -> dict[str, str]:
        if not root.exists():
            return {}
        return {_address_at(root, name): name for name in json_files(root)}

    def _write_tree(
        self,
        root: Path,
        contents: Mapping[str, Mapping[str, object]],
        known: Mapping[str, str],
        stale: Iterable[str],
    ) -> None:
        removed = set(stale)
        names = file_names(
            [*contents, *(a for a in known if a not in contents and a not in removed)]
        )
        for address, name in known.items():
            if address in removed:
                remove_file(root / name, root)
            elif names[address] != name:
                # A name that was added differs in letter case only. Nothing is lost in between.
                content = (root / name).read_text("utf-8")
                write_text(root / names[address], content)
                remove_file(root / name, root)
        for address, fields in contents.items():
            name = names[address]
            write_text(root / name, dumped(_with_address(address, name, fields)))


def _read_tree(root: Path, shown_from: Path) -> dict[str, tuple[str, dict[str, object]]]:
    found: dict[str, tuple[str, dict[str, object]]] = {}
    problems: list[str] = []
    above = "" if root == shown_from else f"{root.relative_to(shown_from).as_posix()}/"
    for name in json_files(root):
        path = root / name
        shown = f"{above}{name}"
        try:
            content = read_object(path)
        except FilesError as error:
            problems.extend(error.problems)
            continue
        address = _address_of(name, content)
        if address in found:
            problems.append(f"{shown}: has the same address as {found[address][0]}")
        else:
            found[address] = shown, {k: v for k, v in content.items() if k != ADDRESS_KEY}
    if problems:
        raise FilesError(problems)
    return found


def _address_at(root: Path, name: str) -> str:
    return _address_of(name, read_object(root / name)) if is_shortened(name) else address_in(name)


def _address_of(name: str, content: Mapping[str, object]) -> str:
    told = content.get(ADDRESS_KEY)
    return told if isinstance(told, str) else address_in(name)


def _with_address(address: str, name: str, fields: Mapping[str, object]) -> dict[str, object]:
    return {ADDRESS_KEY: address, **fields} if is_shortened(name) else dict(fields)


def _without_marks(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name != OBSERVED_KEY}


def _names_of(files: Mapping[str, tuple[str, dict[str, object]]]) -> dict[str, str]:
    return {address: name for address, (name, _) in files.items()}
