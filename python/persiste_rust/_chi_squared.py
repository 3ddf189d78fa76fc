"""Tail and points of the chi-squared distribution."""

from __future__ import annotations

import math


def chi_squared_tail(statistic: float, degrees_of_freedom: int) -> float:
    """Returns P(X >= statistic) for a whole number of degrees of freedom, 1 or more, to about 14 digits.

    Finite sums: for even degrees `exp(-h) sum_k h^k / k!`, for odd ones `erfc(sqrt h) + exp(-h) sum_k
    h^(k - 1/2) / Gamma(k + 1/2)`, with `h = statistic / 2`.

    # Source
    Abramowitz and Stegun 1972, 26.4.4 and 26.4.5.

    >>> round(chi_squared_tail(3.841458820694124, 1), 12)
    0.05
    """
    half = statistic / 2.0
    if half <= 0.0:
        return 1.0
    if degrees_of_freedom % 2 == 0:
        logs = [k * math.log(half) - math.lgamma(k + 1.0) for k in range(degrees_of_freedom // 2)]
        return math.fsum(math.exp(log - half) for log in logs)
    logs = [(k - 0.5) * math.log(half) - math.lgamma(k + 0.5) for k in range(1, (degrees_of_freedom + 1) // 2)]
    return math.fsum([math.erfc(math.sqrt(half)), *(math.exp(log - half) for log in logs)])


def chi_squared_point(probability: float, degrees_of_freedom: int) -> float:
    """Returns the value that a chi-squared variable exceeds with probability `1 - probability`, by bisection.

    >>> round(chi_squared_point(0.95, 1), 9)
    3.841458821
    """
    low, high = 0.0, 1.0
    while chi_squared_tail(high, degrees_of_freedom) > 1.0 - probability:
        high *= 2.0
    while high - low > 1e-15 * high:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if chi_squared_tail(middle, degrees_of_freedom) > 1.0 - probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
