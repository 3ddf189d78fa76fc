"""Build hooks of the Python package (PEP 517 and 660): maturin where there is a cargo, else plain Python.

`PERSISTE_BUILD` chooses: `auto` (the default) builds the native module if cargo is found, and a compile that fails is
then an error; `rust` refuses to build without cargo; `python` builds the pure-Python wheel whatever is installed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import persiste_pure

_MATURIN = "maturin>=1.9,<2"
_Settings = dict[str, Any] | None


def _cargo_folder() -> Path | None:
    found = shutil.which("cargo")
    if found:
        return Path(found).parent
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "bin"
    return home if shutil.which("cargo", path=str(home)) else None


def builds_native() -> bool:
    """Returns whether this build compiles the native module, and puts cargo on the path if it does."""
    choice = os.environ.get("PERSISTE_BUILD", "auto")
    if choice not in ("auto", "rust", "python"):
        raise SystemExit(f"PERSISTE_BUILD is '{choice}'; known: auto, rust, python")
    if choice == "python":
        return False
    folder = _cargo_folder()
    if folder is None:
        if choice == "rust":
            raise SystemExit("PERSISTE_BUILD is 'rust', but no cargo was found on the path or in ~/.cargo/bin")
        return False
    path = os.environ.get("PATH", "")
    if str(folder) not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join(filter(None, [path, str(folder)]))
    return True


def get_requires_for_build_wheel(config_settings: _Settings = None) -> list[str]:
    """Returns maturin if there is a cargo for it to call."""
    return [_MATURIN] if builds_native() else []


get_requires_for_build_editable = get_requires_for_build_wheel


def get_requires_for_build_sdist(config_settings: _Settings = None) -> list[str]:
    """Returns nothing: the source archive needs neither cargo nor maturin."""
    return []


def build_wheel(wheel_directory: str, config_settings: _Settings = None, metadata_directory: str | None = None) -> str:
    """Builds the wheel and returns its file name."""
    if builds_native():
        import maturin

        return str(maturin.build_wheel(wheel_directory, config_settings, metadata_directory))
    return persiste_pure.write_wheel(Path(wheel_directory))


def build_editable(
    wheel_directory: str, config_settings: _Settings = None, metadata_directory: str | None = None
) -> str:
    """Builds a wheel that points at this folder and returns its file name."""
    if builds_native():
        import maturin

        return str(maturin.build_editable(wheel_directory, config_settings, metadata_directory))
    return persiste_pure.write_wheel(Path(wheel_directory), editable=True)


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: _Settings = None) -> str:
    """Writes the wheel's metadata folder and returns its name."""
    if builds_native():
        import maturin

        return str(maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings))
    return persiste_pure.write_dist_info(Path(metadata_directory))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_sdist(sdist_directory: str, config_settings: _Settings = None) -> str:
    """Writes the source archive, from which either wheel can be built, and returns its file name."""
    return persiste_pure.write_sdist(Path(sdist_directory))
