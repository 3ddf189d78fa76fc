"""Samples the posterior of a gain and a loss rate with NUTS (NumPyro), from families simulated on a random tree.

python examples/nuts.py    # 50 genomes x 500 families, 1,000 draws in each of 4 chains
"""

from __future__ import annotations

import time
from typing import Any

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

import numpyro
from numpyro import distributions
from numpyro.diagnostics import summary
from numpyro.infer import MCMC, NUTS

from persiste_rust import GeneContentModel, simulate
from persiste_rust.jax import log_likelihood

TRUTH = {"log_gain": -0.7, "log_loss": 0.0}


def random_tree(n_tips: int, seed: int) -> str:
    """Returns a tree whose lineages join at random, with exponential branch lengths of mean 0.1."""
    rng = np.random.default_rng(seed)
    nodes = [f"genome_{tip}" for tip in range(n_tips)]
    while len(nodes) > 1:
        one, two = (nodes.pop(rng.integers(len(nodes))) for _ in range(2))
        lengths = rng.exponential(0.1, 2)
        nodes.append(f"({one}:{lengths[0]:.6f},{two}:{lengths[1]:.6f})")
    return f"{nodes[0]};"


def sample(
    n_genomes: int = 50, n_families: int = 500, *, n_chains: int = 4, n_draws: int = 1000, seed: int = 2
) -> dict[str, dict[str, float]]:
    """Returns mean, standard deviation, interval, effective sample size and R-hat of each parameter."""
    data = simulate(random_tree(n_genomes, seed), n_families, TRUTH, seed=seed).data
    # A sampler may try rates that overflow: those have no likelihood, and the trajectory diverges.
    likelihood = log_likelihood(GeneContentModel(data, threads=1), outside="nan")

    def two_rates() -> None:
        params = {name: numpyro.sample(name, distributions.Normal(0.0, 2.0)) for name in TRUTH}
        numpyro.factor("data", likelihood(params))

    sampler = MCMC(
        NUTS(two_rates),
        num_warmup=500,
        num_samples=n_draws,
        num_chains=n_chains,
        chain_method="sequential",
        progress_bar=False,
    )
    sampler.run(jax.random.PRNGKey(seed))
    found: dict[str, dict[str, Any]] = summary(sampler.get_samples(group_by_chain=True))
    return {name: {what: float(value) for what, value in of.items()} for name, of in found.items()}


if __name__ == "__main__":
    began, used = time.perf_counter(), time.process_time()
    for name, of in sample().items():
        print(
            f"{name}: true {TRUTH[name]}, 90 % interval {of['5.0%']:.3f} to {of['95.0%']:.3f}, R-hat {of['r_hat']:.4f}"
        )
    print(f"{time.perf_counter() - began:.1f} s, {time.process_time() - used:.1f} s of the processor")
