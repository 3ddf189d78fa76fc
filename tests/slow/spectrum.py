"""Whether checks of a fit keep what they promise: bands of the spectrum, p-values, residuals, under a true model and a
wrong one.

200 tables of each model. At the true parameters each bin of the spectrum lies in its band with probability 99 % at
least, and p-values of statistics are uniform; at parameters fitted to the same table both are conservative. A wrong
model (one rate for all, fitted to gamma rates) must be seen. Fractions of 200 have a standard error of at most 3.5 %.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from setting import Checks, random_tree, replicate_seed, write

from persiste_rust import GeneContentModel, simulate
from persiste_rust._check_words import residual_limit
from persiste_rust.rates import DiscreteGamma

N_REPLICATES, N_SIMULATIONS, N_TIPS, N_FAMILIES = 200, 99, 40, 1000
GAMMA = {"log_gain": -1.2, "log_loss": 0.5, "log_alpha": -0.9}
SHARED = {"log_gain": -1.4, "log_loss": 0.4}


def main() -> None:
    """Runs all scenarios."""
    checks, rows = Checks(), []
    tree = random_tree(N_TIPS, 7)
    gamma: dict[str, Any] = {"rates": DiscreteGamma(4)}
    for name, truth, simulated, fitted, is_fitted in (
        ("shared, true parameters", SHARED, {}, {}, False),
        ("gamma, true parameters", GAMMA, gamma, gamma, False),
        ("gamma, missing cells", GAMMA, {**gamma, "missing": 0.05}, gamma, False),
        ("gamma, fitted", GAMMA, gamma, gamma, True),
        ("shared fitted to gamma", GAMMA, gamma, {}, True),
    ):
        began = time.perf_counter()
        outside, statistics, residuals, families = [], [], [], []
        for replicate in range(N_REPLICATES):
            seed = replicate_seed(505, replicate)
            data = simulate(tree, N_FAMILIES, truth, ascertainment="observed", seed=seed, **simulated).data
            model = GeneContentModel(data, ascertainment="observed", **fitted)
            params = model.fit().parameters if is_fitted else truth
            found = model.check(params, n_simulations=N_SIMULATIONS, seed=seed ^ 1)
            outside.append(found.spectrum.bins["outside"][1:].mean())
            statistics.append(found.predictive["p_value"])
            names = found.predictive["statistic"]
            residuals.append(np.abs(found.genomes["residual"]).max() > residual_limit(N_TIPS))
            families.append((found.families["q"] <= 0.05).any())
        p_values = np.asarray(statistics)
        row = {
            "scenario": name,
            "bins_outside": float(np.mean(outside)),
            "genomes_flagged": float(np.mean(residuals)),
            "families_flagged": float(np.mean(families)),
            "seconds": time.perf_counter() - began,
        }
        rows.append(row | {f"{one}_p05": float((p_values[:, i] <= 0.05).mean()) for i, one in enumerate(names)})
        if name == "shared fitted to gamma":
            checks.within(f"{name}: bins outside", row["bins_outside"], 0.2, 1.0)
            checks.within(f"{name}: spectrum rejected", rows[-1]["spectrum_distance_p05"], 0.95, 1.0)
            continue
        # 40 bins of 200 tables; three standard errors of a bin's number are 0.25 %.
        checks.within(f"{name}: bins outside", row["bins_outside"], 0.0, 0.0125)
        checks.within(f"{name}: genomes flagged", row["genomes_flagged"], 0.0, 0.04)
        checks.within(f"{name}: families flagged", row["families_flagged"], 0.0, 0.11)
        for one in names:
            checks.within(f"{name}: {one} rejected at 5 %", rows[-1][f"{one}_p05"], 0.0, 0.11)
    write("spectrum", rows)
    checks.finish()


if __name__ == "__main__":
    main()
