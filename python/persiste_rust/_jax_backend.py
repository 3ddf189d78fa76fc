"""The backend `jax`: the classes of `_core.pyi` that a model needs, its likelihood a program of JAX."""

from __future__ import annotations

try:
    import jax as _jax  # noqa: F401
except ImportError as _absent:
    raise ImportError("backend 'jax' needs JAX, which is not installed; pip install 'persiste-rust[jax]'") from _absent

from persiste_rust._fallback_data import Data, Tree
from persiste_rust._jax_model import Model

__all__ = ["Data", "Model", "Tree"]
