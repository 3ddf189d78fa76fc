"""Writes discrete_gamma.txt: rates of the discrete gamma distribution of mean 1, in 50-digit arithmetic (mpmath 1.3).

Each line: kind, shape, number of classes; then log r of each class; then its derivative by log shape. Definitions, not
the formulas of the program: quantiles by a bracketing search on mpmath's regularised incomplete gamma function, class
means by differences of that of shape + 1, derivatives by central differences at 50 digits.

    python tests/values/discrete_gamma.py > tests/values/discrete_gamma.txt
"""

from mpmath import exp, gamma, gammainc, log, mp, mpf, sqrt

mp.dps = 60


def log_below(shape, log_x):
    """Log of the probability below x; the incomplete gamma function underflows nowhere in mpmath."""
    return log(gammainc(shape, 0, exp(log_x), regularized=True))


def quantile(shape, probability):
    """Log x with the given probability below it: bisection, then secant steps."""
    low = (log(probability) + log(gamma(shape + 1))) / shape if shape < 500 else log(shape) - 6 / sqrt(shape)
    high = log(shape + 12 * sqrt(shape) + 12)
    low -= abs(low) * mpf("1e-6")
    for _ in range(12):
        middle = (low + high) / 2
        if log_below(shape, middle) < log(probability):
            low = middle
        else:
            high = middle
    return mp.findroot(lambda y: log_below(shape, y) - log(probability), (low, high), tol=mpf("1e-100"), verify=False)


def log_rates(kind, shape, n):
    if kind == "median":
        points = [exp(quantile(shape, mpf(2 * c + 1) / (2 * n))) for c in range(n)]
        return [log(n * point / sum(points)) for point in points]
    inner = [exp(quantile(shape, mpf(c) / n)) for c in range(1, n)]
    below = [mpf(0), *(gammainc(shape + 1, 0, x, regularized=True) for x in inner), mpf(1)]
    return [log(n * (below[c + 1] - below[c])) for c in range(n)]


def slopes(kind, shape, n):
    step = mpf("1e-15")
    up, down = (log_rates(kind, shape * exp(sign * step), n) for sign in (1, -1))
    return [(a - b) / (2 * step) for a, b in zip(up, down, strict=True)]


def main():
    grid = [(alpha, n) for alpha in ("0.005", "0.05", "0.5", "1", "5", "200", "1000") for n in (2, 4, 16)]
    grid += [("0.005", 64), ("9.9", 5), ("10.1", 5), ("1000", 64), ("20000", 3)]
    for kind in ("mean", "median"):
        for alpha, n in grid:
            values = [*log_rates(kind, mpf(alpha), n), *slopes(kind, mpf(alpha), n)]
            print(kind, alpha, n, *(mp.nstr(value, 20) for value in values), flush=True)


if __name__ == "__main__":
    main()
