"""Prints log-likelihoods and derivatives where transition probabilities leave the range of doubles, to 18 digits.

The tree is (((A:1,B:0.5):0.25,C:2):0.125,D:1); all states of its three inner nodes are enumerated. P01 = g/(g+l) (1 -
exp(-(g+l) t)), P00 = 1 - P01, and likewise P10 and P11. Each row: gain, loss, root frequencies, states of A to D (-1
missing), how tips record (P(recorded present) given state 0 and 1), log-likelihood, and its derivatives by gain, loss
and the length of A; "inf" beyond the largest double, 0 below 1e-300. Arithmetic of 6000 digits, as 1 - P01 cancels;
mpmath 1.3.

    python tests/values/tiny_transitions.py
"""

from itertools import product

from mpmath import diff, exp, log, mp, mpf, nstr

mp.dps = 6000

TIPS = [(0, "1"), (0, "0.5"), (1, "2"), (2, "1")]  # the inner node above, and the length
INNER = [(1, "0.25"), (2, "0.125")]  # inner node 2 is the root


def entries(gain, loss, length):
    changed = (1 - exp(-(gain + loss) * length)) / (gain + loss)
    return [[1 - gain * changed, gain * changed], [loss * changed, 1 - loss * changed]]


def likelihood(gain, loss, root, cells, record, length_of_a):
    lengths = [length_of_a] + [mpf(length) for _, length in TIPS[1:]]
    tips = [entries(gain, loss, length) for length in lengths]
    inner = [entries(gain, loss, mpf(length)) for _, length in INNER]
    total = mpf(0)
    for states in product((0, 1), repeat=3):
        term = mpf(root[states[2]])
        for node, (above, _) in enumerate(INNER):
            term *= inner[node][states[above]][states[node]]
        for tip, cell in enumerate(cells):
            if cell >= 0:
                row = tips[tip][states[TIPS[tip][0]]]
                seen = [mpf(p) if cell else 1 - mpf(p) for p in record]
                term *= row[0] * seen[0] + row[1] * seen[1]
        total += term
    return total


def short(value):
    if abs(value) < mpf("1e-300"):
        return "0.0"
    return ("inf" if value > 0 else "-inf") if abs(value) > mpf("1.79e308") else nstr(value, 18)


for gain, loss, root, cells, record in [
    (800.0, 0.0, (1, 0), (0, 0, 0, 0), (0, 1)),
    (800.0, 0.0, (0.5, 0.5), (0, -1, 1, 0), (0, 1)),
    (3000.0, 0.0, (1, 0), (1, 0, 0, 1), (0, 1)),
    (0.0, 900.0, (0.5, 0.5), (1, 0, 1, 1), (0, 1)),
    (0.0, 900.0, (0, 1), (1, 1, 1, 1), (0, 1)),
    (300.0, 0.0, (0.5, 0.5), (0, 0, 0, 0), (0, 1)),
    (60.0, 0.0, (0.5, 0.5), (0, 1, 0, 0), (0, 1)),
    (2000.0, 1e-280, (0.5, 0.5), (0, 0, 0, 0), (0, 1)),
    (2000.0, 1e-290, (1, 0), (0, 0, 1, 1), (0, 1)),
    (1e-300, 1e12, (1, 0), (1, 1, 0, 0), (0, 1)),
    (900.0, 0.0, (1, 0), (0, 0, 1, -1), (0.125, 0.75)),
    (900.0, 0.0, (1, 0), (0, 0, 1, 0), (0, 1 - 2**-50)),
]:
    point = (mpf(gain), mpf(loss), mpf(1))

    def log_likelihood(g, other, t, data=(root, cells, record)):
        return log(likelihood(g, other, *data, t))

    value = log_likelihood(*point)
    slopes = []
    for n in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        slopes.append(diff(log_likelihood, point, n, h=mpf(10) ** -3000, relative=False))
    print(gain, loss, root, cells, record, *(short(number) for number in (value, *slopes)), sep=" | ")
