"""Chooses the backend once, at import: the native module, or NumPy in its place.

The environment variable `PERSISTE_RUST_BACKEND` decides: `rust` forbids the fallback, `numpy` asks for it, `auto` (or
nothing) takes the native module where it is. A native module that is absent was never built: the NumPy backend stands
in and says so once, when it is first used. One that is there but does not load is broken: that is reported at import,
with the reason. What the environment asks for and cannot have is an ImportError of the first use, never a fallback; the
import itself goes through, so that the command line can say it in one sentence.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from types import ModuleType
from typing import Literal

VARIABLE = "PERSISTE_RUST_BACKEND"
_NATIVE, _NUMPY, _JAX = f"{__package__}._core", f"{__package__}._fallback", f"{__package__}._jax_backend"
_ABSENT = "the native module persiste_rust._core was not built on this machine"

Choice = Literal["auto", "rust", "numpy", "jax"]


class _Chosen:
    """The backend of this process, what forbids its use, and whether its user was told that it is not the fast one."""

    def __init__(self, choice: str) -> None:
        self.name: Literal["rust", "numpy"] = "numpy"
        self.fault: str | None = None
        self.unsaid: str | None = None
        if choice not in ("auto", "rust", "numpy"):
            self.fault = f"{VARIABLE} is '{choice}'; known: auto, rust, numpy"
        elif choice != "numpy":
            self._load(must_be_rust=choice == "rust")

    def _load(self, *, must_be_rust: bool) -> None:
        if importlib.util.find_spec(_NATIVE) is None:
            if must_be_rust:
                self.fault = f"{_ABSENT}, and {VARIABLE}=rust forbids NumPy in its place"
            self.unsaid = f"{_ABSENT}; using NumPy, which is many times slower (install a Rust toolchain and reinstall)"
            return
        try:
            importlib.import_module(_NATIVE)
        except ValueError as setting:  # of the environment: PERSISTE_RUST_SIMD
            self.fault = str(setting)
        except Exception as reason:
            broken = f"the native module persiste_rust._core does not load: {type(reason).__name__}: {reason}"
            if must_be_rust:
                self.fault = broken
            else:
                warnings.warn(f"{broken}; using NumPy in its place", RuntimeWarning, stacklevel=3)
        else:
            self.name = "rust"


_chosen = _Chosen(os.environ.get(VARIABLE) or "auto")


def chosen_name() -> Literal["rust", "numpy"]:
    """Returns the name of the backend that `auto` is.

    # Errors
    ImportError if the environment asks for what is unknown or not there.
    """
    if _chosen.fault is not None:
        raise ImportError(_chosen.fault)
    return _chosen.name


def backend(choice: Choice = "auto") -> ModuleType:
    """Returns the module that computes: the native one or NumPy's, which has the same interface (`_core.pyi`).

    `auto` is what was chosen at import; the first use of NumPy in the place of an absent native module warns. `jax` has
    the classes of a model alone, and is taken only where it is asked for by name.

    # Errors
    ValueError for an unknown choice; ImportError for `rust` where the native module is not there, and if the
    environment asks for what is unknown or not there.
    """
    if choice not in ("auto", "rust", "numpy", "jax"):
        raise ValueError(f"unknown backend '{choice}'; known: auto, rust, numpy, jax")
    if choice == "jax":
        return importlib.import_module(_JAX)
    if choice == "rust" or (choice == "auto" and chosen_name() == "rust"):
        return _native()
    if choice == "auto" and _chosen.unsaid:
        message, _chosen.unsaid = _chosen.unsaid, None
        warnings.warn(message, RuntimeWarning, stacklevel=4)
    return importlib.import_module(_NUMPY)


def _native() -> ModuleType:
    try:
        return importlib.import_module(_NATIVE)
    except ModuleNotFoundError as reason:
        raise ImportError(_ABSENT) from reason
    except ValueError as setting:
        raise ImportError(str(setting)) from setting


def backend_name(module: ModuleType) -> Literal["rust", "numpy", "jax"]:
    """Returns what a module of `backend` is called."""
    if module.__name__ == _JAX:
        return "jax"
    return "rust" if module.__name__ == _NATIVE else "numpy"
