"""The mixture's formulas written down one by one in SciPy: slow, and nothing shared with the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln, logsumexp, polygamma, psi

ETA = NU = 0.1


def log_evidence(X: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Returns ln P(row | component) without the multinomial coefficient, (N, K); alpha is (K, S)."""

    def log_beta(v: np.ndarray) -> np.ndarray:
        return gammaln(v).sum(axis=-1) - gammaln(v.sum(axis=-1))

    return np.stack([log_beta(one + X) - log_beta(one) for one in alpha], axis=1)


def log_likelihoods(X: np.ndarray, weights: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Returns the log-likelihood of each row."""
    coefficient = gammaln(X.sum(axis=1) + 1.0) - gammaln(X + 1.0).sum(axis=1)
    return coefficient + logsumexp(log_evidence(X, alpha), b=weights, axis=1)


def posterior(X: np.ndarray, weights: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Returns the responsibilities, (N, K)."""
    joint = log_evidence(X, alpha) + np.log(weights)
    return np.exp(joint - logsumexp(joint, axis=1, keepdims=True))


def nle(X: np.ndarray, weights: np.ndarray, alpha: np.ndarray) -> float:
    """Returns the negative log-posterior."""
    n = alpha.size
    prior = n * gammaln(ETA) - ETA * n * np.log(NU) + NU * alpha.sum() - ETA * np.log(alpha).sum()
    return float(prior - log_likelihoods(X, weights, alpha).sum())


def hessian(X: np.ndarray, z: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Returns the full matrix of second derivatives of one component's objective in ln alpha, (S, S)."""
    total, W, n = alpha.sum(), z.sum(), X.sum(axis=1)
    first = alpha * (NU + W * psi(alpha) - z @ psi(alpha + X) - W * psi(total) + z @ psi(total + n))
    second = alpha**2 * (W * polygamma(1, alpha) - z @ polygamma(1, alpha + X))
    c = W * polygamma(1, total) - z @ polygamma(1, total + n)
    return np.diag(first + second) - c * np.outer(alpha, alpha)


def criteria(X: np.ndarray, weights: np.ndarray, alpha: np.ndarray, z: np.ndarray) -> dict[str, Any]:
    """Returns the criteria and variances by dense linear algebra."""
    N, K, value = len(X), len(weights), nle(X, weights, alpha)
    matrices = [hessian(X, z[:, k], alpha[k]) for k in range(K)]
    W = N * weights
    log_det = sum(np.linalg.slogdet(one)[1] for one in matrices) + (2 * np.log(N) - np.log(W[1:])).sum()
    P = alpha.size + K - 1
    return {
        "NLE": value,
        "LogDet": log_det,
        "Laplace": value + log_det / 2 - P / 2 * np.log(2 * np.pi),
        "BIC": value + P / 2 * np.log(N),
        "AIC": value + P,
        "variances": np.stack([np.diag(np.linalg.inv(one)) for one in matrices]),
    }
