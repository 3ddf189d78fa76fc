"""Writes the pure-Python wheel and the source archive with the standard library alone.

Formats: wheel 1.0 (PEP 427), core metadata 2.4 (PEP 639), source archives (PEP 625).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import re
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "python"
# Whatever a build from the archive, or a reader of it, needs; a name that is not there is left out.
IN_ARCHIVE = (
    "Cargo.toml", "Cargo.lock", "rustfmt.toml", "pyproject.toml", "Makefile", "README.md", "CHANGELOG.md",
    "CITATION.cff", "LICENSE-MIT", "LICENSE-APACHE", "build_backend", "benches", "docs", "examples", "python", "src",
    "tests",
)  # fmt: skip
NOT_IN_ARCHIVE = (".so", ".pyd", ".dylib", ".pyc")


def _toml(name: str) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / name).read_text(encoding="utf-8"))
    return table


def version() -> str:
    """Returns the version, which stands in Cargo.toml and nowhere else."""
    return str(_toml("Cargo.toml")["package"]["version"])


def _distribution() -> str:
    return re.sub(r"[-_.]+", "_", _toml("pyproject.toml")["project"]["name"]).lower()


def _for_extra(requirement: str, extra: str) -> str:
    name, _, marker = requirement.partition(";")
    condition = f"extra == '{extra}'"
    return f"{name.strip()} ; {f'({marker.strip()}) and ' if marker.strip() else ''}{condition}"


def metadata() -> str:
    """Returns the core metadata as `[project]` of pyproject.toml states it."""
    project = _toml("pyproject.toml")["project"]
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {version()}",
        f"Summary: {project['description']}",
        f"Keywords: {','.join(project['keywords'])}",
        f"License-Expression: {project['license']}",
        *(f"License-File: {name}" for name in project["license-files"]),
        *(f"Classifier: {classifier}" for classifier in project["classifiers"]),
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {requirement}" for requirement in project["dependencies"]),
    ]
    for extra, requirements in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_for_extra(requirement, extra)}" for requirement in requirements]
    lines += ["Description-Content-Type: text/markdown; charset=UTF-8", ""]
    readme = str(project["readme"])
    return "\n".join(lines) + "\n" + (ROOT / readme).read_text(encoding="utf-8")


def _dist_info() -> dict[str, bytes]:
    project = _toml("pyproject.toml")["project"]
    scripts = "".join(f"{name} = {target}\n" for name, target in project["scripts"].items())
    files = {
        "METADATA": metadata(),
        "WHEEL": "Wheel-Version: 1.0\nGenerator: persiste_build\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": f"[console_scripts]\n{scripts}",
    }
    content = {name: text.encode() for name, text in files.items()}
    for name in project["license-files"]:
        content[f"licenses/{name}"] = (ROOT / name).read_bytes()
    return content


def _dist_info_folder() -> str:
    return f"{_distribution()}-{version()}.dist-info"


def write_dist_info(folder: Path) -> str:
    """Writes the metadata folder into `folder` and returns its name."""
    for name, content in _dist_info().items():
        path = folder / _dist_info_folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return _dist_info_folder()


def _package_files() -> dict[str, bytes]:
    return {
        path.relative_to(SOURCE).as_posix(): path.read_bytes()
        for path in sorted((SOURCE / "persiste_rust").rglob("*"))
        if path.suffix in (".py", ".pyi", ".typed") or path.name == "py.typed"
    }


def _timestamp() -> float:
    """Returns the time that goes into archives: fixed, so that equal sources give equal archives."""
    return float(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))  # 1 January 1980, the oldest that zip can say


def write_wheel(folder: Path, *, editable: bool = False) -> str:
    """Writes the pure-Python wheel into `folder` and returns its file name."""
    link = {f"__editable__.{_distribution()}.pth": f"{SOURCE}\n".encode()}
    files = link if editable else _package_files()
    files |= {f"{_dist_info_folder()}/{name}": content for name, content in _dist_info().items()}
    record = f"{_dist_info_folder()}/RECORD"
    rows = [f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items()]
    files[record] = "".join([*rows, f"{record},,\n"]).encode()

    folder.mkdir(parents=True, exist_ok=True)
    name = f"{_distribution()}-{version()}-py3-none-any.whl"
    moment = time.gmtime(max(_timestamp(), 315532800.0))[:6]
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            wheel.writestr(entry, content)
    return name


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _archive_files() -> list[Path]:
    files: list[Path] = []
    for name in IN_ARCHIVE:
        path = ROOT / name
        if path.is_dir():
            files += sorted(
                inner
                for inner in path.rglob("*")
                if inner.is_file() and inner.suffix not in NOT_IN_ARCHIVE and "__pycache__" not in inner.parts
            )
        elif path.is_file():
            files.append(path)
    return files


def write_sdist(folder: Path) -> str:
    """Writes the source archive into `folder` and returns its file name."""
    top = f"{_distribution()}-{version()}"
    content = {f"{top}/{path.relative_to(ROOT).as_posix()}": path.read_bytes() for path in _archive_files()}
    content[f"{top}/PKG-INFO"] = metadata().encode()
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{top}.tar.gz"
    with (
        open(folder / name, "wb") as raw,
        gzip.GzipFile(name, "wb", fileobj=raw, mtime=_timestamp()) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, data in content.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime, entry.mode = len(data), int(_timestamp()), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return name
