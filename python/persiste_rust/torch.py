"""Log-likelihoods as functions of PyTorch: leaves of an autograd graph, on the CPU, float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

try:
    import torch
except ImportError as _absent:
    raise ImportError(
        "persiste_rust.torch needs PyTorch, which is not installed; pip install 'persiste-rust[torch]'"
    ) from _absent

import numpy as np

from persiste_rust import _backend
from persiste_rust.model import GeneContentModel

if TYPE_CHECKING:
    from persiste_rust import _core

__all__ = ["log_likelihood", "log_likelihoods"]

Function = Callable[[Any], Any]


def log_likelihood(model: GeneContentModel) -> Function:
    """Returns the log-likelihood of all families as a PyTorch function of the parameters.

    The function takes a tensor (..., n_parameters) in the order of `model.parameter_names`, or a mapping from each of
    these names to a tensor, and returns a tensor (...), float64, on the device of its argument, natural log. Leading
    dimensions are a batch, evaluated in one native call that shares it out between the model's threads. The gradient
    is exact; a second one is refused. Where the value is -inf the gradient is NaN, for there is none.

    # Errors
    ValueError for a model that is not of backend `rust`, a tensor of another shape or not of float64, a name that is
    no parameter, or parameters outside their domain. RuntimeError for a second derivative.

    >>> from persiste_rust import GeneContentData, GeneContentModel
    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> f = log_likelihood(GeneContentModel(data))
    >>> at = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    >>> value = f(at)
    >>> value.backward()
    >>> round(value.item(), 4), [round(slope, 3) for slope in at.grad.tolist()]
    (-4.1641, [0.996, -0.964])
    """
    native = _native_of(model)

    class LogLikelihood(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, vectors: Any) -> Any:
            if not context.needs_input_grad[0]:
                (value,) = _called(native, "value", vectors)
                return _like(value, vectors, vectors.shape[:-1])
            value, gradient = _called(native, "value_and_gradient", vectors)
            context.save_for_backward(vectors, _like(gradient, vectors, vectors.shape))
            return _like(value, vectors, vectors.shape[:-1])

        @staticmethod
        def backward(context: Any, cotangent: Any) -> Any:
            vectors, gradient = context.saved_tensors

            def product(by: Any) -> Any:
                # What does not count may be NaN.
                return torch.where(by == 0.0, torch.zeros_like(gradient), by * gradient)

            return _Once.apply(product, cotangent.unsqueeze(-1), vectors)

    return _of_parameters(model, LogLikelihood)


def log_likelihoods(model: GeneContentModel) -> Function:
    """Returns the log-likelihood of each family, (..., n_families), as a PyTorch function of the parameters.

    Arguments, errors and batches are as those of `log_likelihood`. Every family has its own cotangent, one of 0 may be
    impossible.

    >>> from persiste_rust import GeneContentData, GeneContentModel
    >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0], [1, 1], [0, 1]])
    >>> f = log_likelihoods(GeneContentModel(data))
    >>> [round(value, 4) for value in f(torch.zeros(2, dtype=torch.float64)).tolist()]
    [-2.0662, -2.0979]
    """
    native, n_families = _native_of(model), model.data.n_families

    class LogLikelihoods(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, vectors: Any) -> Any:
            context.save_for_backward(vectors)
            (values,) = _called(native, "families", vectors)
            return _like(values, vectors, (*vectors.shape[:-1], n_families))

        @staticmethod
        def backward(context: Any, cotangent: Any) -> Any:
            (vectors,) = context.saved_tensors

            def product(by: Any) -> Any:
                (found,) = _called(native, "vector_jacobian", vectors, by)
                return _like(found, vectors, vectors.shape)

            return _Once.apply(product, cotangent, vectors)

    return _of_parameters(model, LogLikelihoods)


class _Once(torch.autograd.Function):
    """A gradient, given how it follows from its cotangent; it depends on the parameters, but how is not known here."""

    @staticmethod
    def forward(context: Any, product: Callable[[Any], Any], cotangent: Any, vectors: Any) -> Any:
        return product(cotangent)

    @staticmethod
    def backward(context: Any, by: Any) -> Any:
        raise RuntimeError(
            "log-likelihoods are differentiated once in PyTorch; for second derivatives use "
            "persiste_rust.jax.hessian_vector_product, or differences of the gradient"
        )


def _of_parameters(model: GeneContentModel, function: Any) -> Function:
    names = model.parameter_names

    def of_parameters(params: Any) -> Any:
        known = f"known: {', '.join(names)}"
        if isinstance(params, Mapping):
            for name in params:
                if name not in names:
                    raise ValueError(f"unknown parameter '{name}'; {known}")
            for name in names:
                if name not in params:
                    raise ValueError(f"parameter '{name}' is not given; {known}")
            params = torch.stack(torch.broadcast_tensors(*(params[name] for name in names)), dim=-1)
        if not isinstance(params, torch.Tensor) or params.dtype != torch.float64:
            found = params.dtype if isinstance(params, torch.Tensor) else type(params).__name__
            raise ValueError(f"the parameters are {found}; allowed is a tensor of torch.float64")
        if params.ndim == 0 or params.shape[-1] != len(names):
            raise ValueError(
                f"the parameters have shape {tuple(params.shape)}; allowed is (..., {len(names)}), {known}"
            )
        return function.apply(params)

    return of_parameters


def _called(native: _core.Differentiable, name: str, *tensors: Any) -> list[np.ndarray[Any, Any]]:
    rows = [tensor.detach().cpu().numpy() for tensor in tensors]
    return native.call(name, [row.reshape(-1, row.shape[-1]) for row in rows], False)


def _like(result: np.ndarray[Any, Any], tensor: Any, shape: Any) -> Any:
    return torch.from_numpy(result).to(tensor.device).reshape(shape)


def _native_of(model: GeneContentModel) -> _core.Differentiable:
    if not isinstance(model, GeneContentModel):
        raise TypeError(f"model is a {type(model).__name__}; allowed is a GeneContentModel")
    core: Any = None if model.backend != "rust" else _backend.backend("rust")
    if core is None or type(getattr(model, "_native", None)) is not core.Model:
        found = f"backend '{model.backend}'" if core is None else "rates='per-family'"
        raise ValueError(f"a model with {found} is no function of PyTorch; allowed are models of backend 'rust'")
    native: _core.Differentiable = core.Differentiable.of_model(model._native)
    return native
