"""Recovery of simulated parameters, and how often 95 % intervals hold them: five models, 200 replicates each.

Every replicate is simulated from the model at known parameters, conditioned on being observed, and fitted anew from the
data's own starts. Coverage is checked to lie in 0.92 to 0.98 for the average over a model's parameters, where chance
leaves it (its standard error is at most 0.015 for a single parameter); single parameters may lie 3.5 standard errors
from 0.95. The mean error of an estimate may be a quarter of its standard deviation: estimates of finite samples are
biased a little.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from setting import Checks, random_tree, replicate_seed, write

from persiste_rust import GeneContentModel, simulate
from persiste_rust.rates import DiscreteGamma, Mixture

N_REPLICATES = 200
POINT = 3.841458820694124  # of chi-squared with one degree of freedom at 0.95
Z = 1.959963984540054


@dataclass
class Scenario:
    name: str
    n_tips: int
    n_families: int
    truth: dict[str, float]
    options: dict[str, Any] = field(default_factory=dict)
    has_profile: bool = True


def scenarios() -> list[Scenario]:
    """The models, sized so that each parameter is well determined."""
    essential = {"essential": {f"family_{family}": float(family % 3 == 0) for family in range(1, 1201)}}
    return [
        Scenario(
            "regimes",
            60,
            1200,
            {"log_gain": -1.6, "log_loss": 0.3, "gain:regime[fast]": 0.7, "loss:regime[fast]": -0.4},
            {"regimes": {"fast": "clade0"}},
        ),
        Scenario(
            "regression",
            60,
            1200,
            {"log_gain": -1.5, "log_loss": 0.4, "gain:essential": 0.3, "loss:essential": -0.8},
            {"gain": "~ 1 + essential", "loss": "~ 1 + essential", "family_covariates": essential},
        ),
        Scenario(
            "mixture",
            60,
            1500,
            {
                "log_gain_1": 0.2,
                "log_gain_2": -2.0,
                "log_loss_1": -1.0,
                "log_loss_2": 0.8,
                "log_weight_2": 0.4,
            },
            {"rates": Mixture(2)},
        ),
        Scenario(
            "gamma", 60, 1500, {"log_gain": -1.2, "log_loss": 0.5, "log_alpha": -0.2}, {"rates": DiscreteGamma(4)}
        ),
        Scenario(
            "completeness",
            60,
            1500,
            {"log_gain": -1.4, "log_loss": 0.0, "logit_completeness": 2.2},
            {"completeness": "estimated"},
        ),
    ]


def run(scenario: Scenario, checks: Checks) -> list[dict[str, Any]]:
    tree = random_tree(scenario.n_tips, 7)
    began = time.perf_counter()
    names = list(scenario.truth)
    truth = np.asarray([scenario.truth[name] for name in names])
    estimates, errors, inside_profile = [], [], []
    for replicate in range(N_REPLICATES):
        data = simulate(
            tree,
            scenario.n_families,
            scenario.truth,
            ascertainment="observed",
            seed=replicate_seed(101, replicate),
            threads=1,
            **scenario.options,
        ).data
        fit = GeneContentModel(data, ascertainment="observed", threads=1, **scenario.options).fit()
        estimates.append([fit.parameters[name] for name in names])
        errors.append([fit.standard_errors[name] for name in names])
        if not fit.converged:
            print(f"{scenario.name} replicate {replicate} did not converge: {fit.reason}")
        if scenario.has_profile:
            deviance = [fit.profile(name, [value]).deviance[0] for name, value in scenario.truth.items()]
            inside_profile.append([value <= POINT for value in deviance])
    table, error = np.asarray(estimates), np.asarray(errors)
    usable = np.isfinite(error)
    wald = np.abs(table - truth) <= Z * error
    seconds = time.perf_counter() - began
    rows = []
    for index, name in enumerate(names):
        used = usable[:, index]
        sd = float(table[used, index].std(ddof=1))
        covered = float(wald[used, index].mean())
        profile = float(np.mean([row[index] for row in inside_profile])) if inside_profile else math.nan
        bias = float(table[used, index].mean() - truth[index])
        rows.append(
            {
                "model": scenario.name,
                "parameter": name,
                "truth": float(truth[index]),
                "mean_error": bias,
                "sd_of_estimates": sd,
                "mean_standard_error": float(error[used, index].mean()),
                "wald_coverage": covered,
                "profile_coverage": profile,
                "n_replicates": int(used.sum()),
                "n_without_standard_error": int((~used).sum()),
                "seconds_of_model": seconds,
            }
        )
        slack = 3.5 * math.sqrt(0.95 * 0.05 / max(1, int(used.sum())))
        for kind, value in (("Wald", covered), ("profile", profile)):
            if not math.isnan(value):
                checks.within(f"{scenario.name} {name}: {kind} coverage", value, 0.95 - slack, min(1.0, 0.95 + slack))
        checks.within(f"{scenario.name} {name}: mean error in standard deviations", bias / sd, -0.3, 0.3)
        checks.within(f"{scenario.name} {name}: share of replicates with a standard error", used.mean(), 0.98, 1.0)
    checks.within(f"{scenario.name}: mean Wald coverage", float(wald[usable].mean()), 0.92, 0.98)
    if inside_profile:
        checks.within(f"{scenario.name}: mean profile coverage", float(np.mean(inside_profile)), 0.92, 0.98)
    return rows


def main() -> None:
    checks, rows = Checks(), []
    for scenario in scenarios():
        rows.extend(run(scenario, checks))
        write("coverage", rows)
    checks.finish()


if __name__ == "__main__":
    main()
