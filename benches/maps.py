"""Times stochastic maps, and checks what they add up to: python benches/maps.py [families] [tips] [maps].

Simulated families, all rates shared and with gamma categories; one thread, processor time, the least of three runs.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from persiste_rust import DiscreteGamma, GeneContentModel, simulate


def random_tree(n_tips: int) -> str:
    """Returns a random binary tree with exponential branch lengths of mean 0.1."""
    rng = np.random.default_rng(1)
    nodes = [f"t{tip}" for tip in range(n_tips)]
    while len(nodes) > 1:
        pair = [nodes.pop(int(rng.integers(len(nodes)))) for _ in range(2)]
        nodes.append("(" + ",".join(f"{node}:{rng.exponential(0.1):.6f}" for node in pair) + ")")
    return nodes[0] + ";"


def main() -> None:
    """Prints seconds of processor time."""
    n_families, n_tips, n_maps = [int(text) for text in [*sys.argv[1:], *("10000", "200", "100")[len(sys.argv) - 1 :]]]
    params = {"log_gain": -1.0, "log_loss": 0.5}
    data = simulate(random_tree(n_tips), n_families, params, ascertainment="observed").data
    for name, rates, extra in (("shared", "shared", {}), ("gamma", DiscreteGamma(4), {"log_alpha": 0.0})):
        model = GeneContentModel(data, rates=rates, threads=1)
        seconds = []
        for _ in range(3):
            began = time.process_time()
            maps = model.stochastic_maps({**params, **extra}, n_maps=n_maps)
            seconds.append(time.process_time() - began)
        summary = model.branch_summary({**params, **extra})
        scores = (maps.branch_gains.mean(axis=0) - summary.expected_gains)[:-1]
        scores /= np.maximum(summary.gains_posterior_sd[:-1], 1e-9) / np.sqrt(n_maps)
        assert np.abs(scores).max() < 5.0, "the maps are not those of the model"
        cells = n_families * (2 * n_tips - 2) * n_maps
        best = min(seconds)
        print(f"{name}: {best:.2f} s, {best / cells * 1e9:.2f} ns per family, branch and map")


if __name__ == "__main__":
    main()
