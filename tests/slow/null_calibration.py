"""P-values of likelihood-ratio tests where the null is true: uniform, with the right mass at statistic 0.

A one-sided test of one parameter has statistic 0 with probability 1/2, else chi-squared(1): given a positive statistic,
twice the p-value is uniform. Two-sided tests have uniform p-values. Per-family effects stand at a boundary (variance 0)
like the one-sided test. Uniformity by Kolmogorov and Smirnov's test, the mass at 0 by the exact binomial test, both at
p > 0.01. Families number 500; asymptotics are good there but not exact.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy.stats import binomtest, kstest
from setting import Checks, random_tree, replicate_seed, write

from persiste_rust import GeneContentData, GeneContentModel, simulate
from persiste_rust.recipes import HostAssociation, PerFamilyEffects, Recipe, RetentionBias

N_FAMILIES = 500
NULL = {"log_gain": -1.4, "log_loss": 0.4}
# Statistics below this are the boundary itself, up to the precision of the search.
ZERO = 1e-6


def tests() -> dict[str, tuple[Recipe, int]]:
    """Recipes, and how many replicates each gets."""
    retained = [f"family_{index}" for index in range(1, N_FAMILIES + 1, 4)]
    return {
        "retention": (RetentionBias(retained), 400),
        "retention, two-sided": (RetentionBias(retained, side="both"), 400),
        "host association": (HostAssociation(clade="clade0"), 400),
        "per-family effects": (PerFamilyEffects(4), 200),
    }


def main() -> None:
    checks, rows, values = Checks(), [], []
    tree = random_tree(60, 7)
    for number, (name, (recipe, n_replicates)) in enumerate(tests().items()):
        began = time.perf_counter()
        found = []
        for replicate in range(n_replicates):
            seed = replicate_seed(202 + number, replicate)
            data = simulate(tree, N_FAMILIES, NULL, ascertainment="observed", seed=seed, threads=1).data
            found.append(_test(data, recipe))
        rows.append(_row(name, found, time.perf_counter() - began, checks))
        values.extend(
            {"test": name, "replicate": index, "statistic": statistic, "p_value": p}
            for index, (statistic, p, _) in enumerate(found)
        )
        write("null_calibration", rows)
    lines = ["\t".join(["test", "replicate", "statistic", "p_value"])]
    lines += [f"{v['test']}\t{v['replicate']}\t{v['statistic']:.6g}\t{v['p_value']:.6g}" for v in values]
    from setting import RESULTS

    (RESULTS / "null_p_values.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    checks.finish()


def _test(data: GeneContentData, recipe: Recipe) -> tuple[float, float, bool]:
    result = GeneContentModel(data, ascertainment="observed", threads=1).test(recipe)
    return result.statistic, result.p_value, len(result.mixture_weights) > 1


def _row(name: str, found: list[tuple[float, float, bool]], seconds: float, checks: Checks) -> dict[str, Any]:
    statistic = np.asarray([statistic for statistic, _, _ in found])
    p = np.asarray([p for _, p, _ in found])
    is_mixture, is_zero = found[0][2], statistic <= ZERO
    continuous = 2.0 * p[~is_zero] if is_mixture else p
    uniform = kstest(continuous, "uniform")
    row = {
        "test": name,
        "n_replicates": len(found),
        "n_statistic_0": int(is_zero.sum()),
        "p_of_mass_at_0": float(binomtest(int(is_zero.sum()), len(found), 0.5).pvalue) if is_mixture else float("nan"),
        "kolmogorov_smirnov": float(uniform.statistic),
        "p_of_uniformity": float(uniform.pvalue),
        "rejected_at_0.05": float((p <= 0.05).mean()),
        "rejected_at_0.01": float((p <= 0.01).mean()),
        "seconds": seconds,
    }
    checks.within(f"{name}: p of uniformity", row["p_of_uniformity"], 0.01, 1.0)
    if is_mixture:
        checks.within(f"{name}: p of the mass at statistic 0", row["p_of_mass_at_0"], 0.01, 1.0)
    return row


if __name__ == "__main__":
    main()
