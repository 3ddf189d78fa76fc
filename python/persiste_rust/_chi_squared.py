"""The upper tail of the chi-squared distribution."""

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
