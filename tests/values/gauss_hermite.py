"""Prints Gauss-Hermite rules for the standard normal distribution, and log-normal rates, in 60-digit arithmetic.

Nodes are roots of the physicists' Hermite polynomial, from numpy.polynomial.hermite.hermgauss as first guess, times
sqrt(2); weights 2^(n-1) n! / (n H[n-1](x))^2 (Abramowitz & Stegun 1964, 25.4.46). mpmath 1.3, NumPy 2.4.

    python tests/values/gauss_hermite.py
"""

from mpmath import exp, factorial, findroot, hermite, log, mp, mpf, nstr, sqrt
from numpy.polynomial.hermite import hermgauss

mp.dps = 60


def rule(n):
    guesses = [mpf(float(guess)) for guess in hermgauss(n)[0]]
    roots = [guess and findroot(lambda x: hermite(n, x), guess, tol=mpf("1e-40"), verify=False) for guess in guesses]
    return [sqrt(2) * x for x in roots], [2 ** (n - 1) * factorial(n) / (n * hermite(n - 1, x)) ** 2 for x in roots]


for n in (3, 6, 8, 64):
    nodes, weights = rule(n)
    for at in [at for at in range(n // 2, n) if n < 64 or at in (32, 40, 50, 63)]:
        print(n, at, nstr(nodes[at], 20), nstr(weights[at], 20))
    print(n, "sum of weights", nstr(sum(weights), 20))
for n, log_sigma in ((8, "0.25"), (5, "-1")):
    nodes, weights = rule(n)
    sigma = exp(mpf(log_sigma))
    mean = sum(weight * exp(sigma * node) for node, weight in zip(nodes, weights, strict=True))
    print("log-normal", n, log_sigma, *(nstr(sigma * node - log(mean), 18) for node in nodes))
