"""Where results go: files that are complete or absent, and never stand in the place of what was read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

# What a file of results may be given as: its text, pieces of it, or a function that writes it to a path.
Content = str | Iterable[str] | Iterable[bytes] | Callable[[Path], None]


def output_folder(path: str, names: Iterable[str], inputs: Iterable[str]) -> Path:
    """Makes the folder that will hold files of these names.

    # Errors
    OSError if it is a file or cannot be written to; ValueError for an empty path, and if a file to be written is one of
    `inputs`.
    """
    if not path:
        raise ValueError("the output folder has no name; '.' is the folder you are in")
    folder = Path(path)
    _make(folder)
    _refuse_overwriting([folder / name for name in names], inputs)
    return folder


def output_files(paths: Mapping[str, str | None], inputs: Iterable[str]) -> list[Path | None]:
    """Returns the files that options (by name) ask for, their folders made; None where nothing is asked for.

    # Errors
    OSError if one is a folder or its folder cannot be written to; ValueError for an empty path, for a file that two
    options name, and for one of `inputs`.
    """
    option_of: dict[Path, str] = {}
    files: list[Path | None] = []
    for option, path in paths.items():
        if path is None:
            files.append(None)
            continue
        file = _output_file(path, option)
        other = option_of.setdefault(file.resolve(), option)
        if other != option and not _is_special(file):
            raise ValueError(f"{other} and {option} both name '{path}'; give each a file of its own")
        files.append(file)
    _refuse_overwriting([file for file in files if file is not None], inputs)
    return files


def _output_file(path: str, option: str) -> Path:
    if not path:
        raise ValueError(f"the output file of {option} has no name")
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"the output '{path}' is a folder; a file is wanted")
    if not _is_special(file):
        _make(file.parent)
    return file


def _is_special(file: Path) -> bool:
    """A pipe, a terminal, /dev/null: written to, and never replaced."""
    return file.exists() and not file.is_file()


def _make(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"the output '{folder}' is a file; -o wants a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise type(error)(f"the output folder '{folder}' cannot be made: {reason}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"the output folder '{folder}' cannot be written to")


def _refuse_overwriting(outputs: Iterable[Path], inputs: Iterable[str]) -> None:
    read = [Path(path) for path in inputs]
    for output in outputs:
        if output.is_file() and any(path.is_file() and path.samefile(output) for path in read):
            raise ValueError(f"the output '{output}' is a file that this command reads; choose another place")


def write_file(file: Path, content: Content) -> None:
    """Writes one file beside its place and moves it there; a pipe or a device is written to."""
    if not _is_special(file):
        write_files(file.parent, {file.name: content})
    else:
        _write(file, content)


def write_files(folder: Path, contents: Mapping[str, Content]) -> None:
    """Writes each file beside its place and moves all of them there at the end, so none is ever half written."""
    beside: dict[str, Path] = {}
    try:
        for name, content in contents.items():
            descriptor, path = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
            os.close(descriptor)
            beside[name] = Path(path)
            _write(beside[name], content)
            os.chmod(path, 0o666 & ~_umask())
        for name in contents:
            os.replace(beside[name], folder / name)
            del beside[name]
    finally:
        for leftover in beside.values():
            leftover.unlink(missing_ok=True)


def _write(path: Path, content: Content) -> None:
    if callable(content):
        content(path)
        return
    with open(path, "wb") as file:
        pieces = [content] if isinstance(content, str) else content
        file.writelines(piece.encode() if isinstance(piece, str) else piece for piece in pieces)
        file.flush()
        if path.is_file():
            os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
