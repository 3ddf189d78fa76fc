"""How JAX calls the native module: through XLA's foreign-function interface, or back through Python.

Compiled code on a CPU calls the handlers of the native module directly, without the interpreter. Where the installed
jaxlib does not take them, or on other devices, it goes through `jax.pure_callback`, with the same numbers; a line in
the log `persiste_rust` says why.
"""

from __future__ import annotations

import functools
import logging
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np
from jax import numpy as jnp

from persiste_rust import _backend

if TYPE_CHECKING:
    from persiste_rust import _core

Bridge = Literal["auto", "ffi", "callback"]
Outside = Literal["raise", "nan"]
Shape = tuple[int, ...]

_PREFIX = "persiste_rust."
_log = logging.getLogger("persiste_rust")


def require_64_bit() -> None:
    """Raises RuntimeError where JAX computes with 32 bits: log-likelihoods need 64."""
    if not jax.config.jax_enable_x64:
        raise RuntimeError(
            "log-likelihoods need JAX's 64-bit mode, and it is off; call jax.config.update('jax_enable_x64', True) "
            "first, or set JAX_ENABLE_X64=1"
        )


class Calls:
    """The functions of one native object, each called with arrays of (..., size)."""

    def __init__(self, native: _core.Differentiable, outside: Outside, bridge: Bridge) -> None:
        """Chooses the way.

        # Errors
        ValueError for an unknown choice; RuntimeError for "ffi" where XLA does not take the handlers.
        """
        for what, found, known in (("outside", outside, ("raise", "nan")), ("bridge", bridge, BRIDGES)):
            if found not in known:
                raise ValueError(f"unknown {what} '{found}'; known: {', '.join(known)}")
        self._native, self._nan_outside = native, outside == "nan"
        self.bridge = bridge
        if bridge == "auto":
            self.bridge = "ffi" if jax.default_backend() == "cpu" and refusal() is None else "callback"
        elif bridge == "ffi" and refusal() is not None:
            raise RuntimeError(f"XLA does not take the native handlers: {refusal()}")

    def __call__(self, function: str, sizes: Sequence[int | None], *arguments: jax.Array) -> list[jax.Array]:
        """Returns the results of a function, (..., size) each, or (...) where a size is None."""
        outer = arguments[0].shape[:-1]
        results = [jax.ShapeDtypeStruct(outer + (() if size is None else (size,)), np.float64) for size in sizes]
        if self.bridge == "ffi":
            call = jax.ffi.ffi_call(_PREFIX + function, results, vmap_method="broadcast_all")
            attributes = {"target": np.int64(self._native.id), "nan_outside": np.int64(self._nan_outside)}
            return list(call(*arguments, **attributes))
        host = functools.partial(self._host, function, tuple(size is None for size in sizes))
        return list(jax.pure_callback(host, results, *arguments, vmap_method="broadcast_all"))

    def _host(self, function: str, scalars: Sequence[bool], *arguments: Any) -> list[np.ndarray[Any, Any]]:
        arrays = [np.asarray(argument) for argument in arguments]
        outer = arrays[0].shape[:-1]
        rows = [array.reshape(math.prod(outer), array.shape[-1]) for array in arrays]
        found = self._native.call(function, rows, self._nan_outside)
        return [
            result.reshape(outer if is_scalar else (*outer, result.shape[1]))
            for result, is_scalar in zip(found, scalars, strict=True)
        ]


BRIDGES = ("auto", "ffi", "callback")


@functools.cache
def refusal() -> str | None:
    """Returns why XLA on the CPU does not take the native handlers; None where it does.

    The handlers are registered once a process and tried on two tips: their answer must be that of the native module.
    """
    try:
        _register_and_try()
    except Exception as reason:
        sentence = f"{type(reason).__name__}: {reason}".splitlines()[0]
        _log.warning("JAX %s: compiled code goes through Python, which is slower (%s)", jax.__version__, sentence)
        return sentence
    return None


def _register_and_try() -> None:
    core: Any = _backend.backend("rust")
    for name, handler in core.xla_handlers(*_version()).items():
        jax.ffi.register_ffi_target(_PREFIX + name, handler, platform="cpu")
    tree = core.Tree.from_newick("(a:0.3,b:0.7);")
    data = core.Data.from_matrix(tree, np.array([[1, 0, 1], [0, 0, -1]], dtype=np.int8), None, None)
    native = core.Differentiable.of_data(data, 1)
    rows = [np.array([row]) for row in ([0.4], [1.1], [0.3, 0.7, 0.0], [0.6, 0.4], [1.0])]
    (expected,) = native.call("given_rates", rows, False)
    calls = Calls.__new__(Calls)
    calls._native, calls._nan_outside, calls.bridge = native, False, "ffi"
    # This may be the first call inside somebody's jit.
    with jax.default_device(jax.devices("cpu")[0]), jax.ensure_compile_time_eval():
        (found,) = calls("given_rates", [3], *(jnp.asarray(row) for row in rows))
        found = np.asarray(found)
    if not np.array_equal(found, expected):
        raise RuntimeError("the handlers did not answer as the native module does")


def _version() -> tuple[int, int]:
    """The version of XLA's foreign-function interface, as the header beside the installed jaxlib has it."""
    header = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h").read_text(encoding="utf-8")
    found = dict(re.findall(r"^#define XLA_FFI_API_(MAJOR|MINOR) (\d+)$", header, re.MULTILINE))
    return int(found["MAJOR"]), int(found["MINOR"])
