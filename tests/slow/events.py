"""Are the probabilities of events right? Simulated families whose true events are known, fitted and compared.

For each model: families are simulated with their true gains and losses, listed if a genome carries them; rates are
fitted to the table alone; then every branch and family falls into a class by its posterior probability of a gain (a
loss), of which the share that really had one must be the mean probability. The sums over families of each branch are
held against the true numbers, in posterior standard deviations. `results/event_calibration.tsv` has a line a class,
`event_calibration.png` shows them. Run by `make slow`.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from setting import RESULTS, Checks, random_tree, replicate_seed, write

from persiste_rust import DiscreteGamma, GeneContentModel, simulate

N_FAMILIES, N_REPLICATES = 2000, 20
EDGES = np.array([0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0])
MODELS: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "shared": ({}, {"log_gain": -2.0, "log_loss": 0.0}),
    "gamma": ({"rates": DiscreteGamma(4)}, {"log_gain": -1.6, "log_loss": 0.2, "log_alpha": -0.3}),
    "errors": (
        {"completeness": 0.95, "contamination": 0.01},
        {"log_gain": -2.0, "log_loss": 0.0},
    ),
}


def main() -> None:
    """Runs the study."""
    checks, rows = Checks(), []
    tree = random_tree(60, 11)
    for number, (name, (options, params)) in enumerate(MODELS.items()):
        began = time.perf_counter()
        # Of each replicate, kind and class: cells, sum of probabilities, cells with a true event.
        counts = np.zeros((N_REPLICATES, 2, len(EDGES) - 1, 3))
        scores: list[NDArray[np.float64]] = []
        for replicate in range(N_REPLICATES):
            seed = replicate_seed(303 + number, replicate)
            found = simulate(
                tree, N_FAMILIES, params, ascertainment="observed", seed=seed, truth=True, threads=1, **options
            )
            model = GeneContentModel(found.data, ascertainment="observed", threads=1, **options)
            fitted = dict(model.fit().parameters)
            truth, summary = found.truth, model.branch_summary(fitted)
            assert truth is not None
            for kind, (probabilities, true, expected, sd) in enumerate(
                (
                    (model.gain_probabilities, truth.gains, summary.expected_gains, summary.gains_posterior_sd),
                    (model.loss_probabilities, truth.losses, summary.expected_losses, summary.losses_posterior_sd),
                )
            ):
                counts[replicate, kind] = _classes(probabilities(fitted)[:-1], true[:-1] > 0)
                scores.append((true.sum(axis=1)[:-1] - expected[:-1]) / sd[:-1])
        seconds = time.perf_counter() - began
        rows += _rows(name, counts, np.concatenate(scores), seconds, checks)
        write("event_calibration", rows)
    _figure(rows)
    checks.finish()


def _classes(probability: NDArray[np.float64], happened: NDArray[np.bool_]) -> NDArray[np.float64]:
    place = np.clip(np.searchsorted(EDGES, probability.ravel(), side="right") - 1, 0, len(EDGES) - 2)
    sums = (None, probability.ravel(), happened.ravel().astype(float))
    return np.stack([np.bincount(place, weights=of, minlength=len(EDGES) - 1) for of in sums], axis=1)


def _rows(
    name: str, counts: NDArray[np.float64], scores: NDArray[np.float64], seconds: float, checks: Checks
) -> list[dict[str, Any]]:
    rows = []
    for kind, word in enumerate(("gain", "loss")):
        for place in range(len(EDGES) - 1):
            n, predicted, happened = counts[:, kind, place].T
            if n.sum() < 100:
                continue
            # Cells of a replicate share its fit and its families' data, so replicates are the unit of the error.
            excess = happened - predicted
            error = excess.std(ddof=1) * np.sqrt(N_REPLICATES) / n.sum()
            row = {
                "model": name,
                "event": word,
                "from": float(EDGES[place]),
                "to": float(EDGES[place + 1]),
                "n": int(n.sum()),
                "mean_probability": predicted.sum() / n.sum(),
                "share_that_happened": happened.sum() / n.sum(),
                "standard_error": float(error),
                "branch_score_sd": float(scores.std()),
                "branches_within_1.96_sd": float((np.abs(scores) < 1.96).mean()),
                "seconds_of_model": seconds,
            }
            rows.append(row)
            score = (row["share_that_happened"] - row["mean_probability"]) / max(error, 1e-12)
            # 84 classes in all; 4 standard errors estimated from 20 replicates happen once in some 1,300.
            checks.within(f"{name}, {word}, class from {EDGES[place]}: standard errors", score, -4.5, 4.5)
    # Fitted rates add to what the posterior knows of, so a little less than 95 %.
    checks.within(f"{name}: branches within 1.96 sd", float((np.abs(scores) < 1.96).mean()), 0.92, 0.97)
    return rows


def _figure(rows: list[dict[str, Any]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(MODELS), figsize=(9, 3.2), sharey=True)
    for axis, name in zip(axes, MODELS, strict=True):
        axis.plot([0, 1], [0, 1], color="0.8", linewidth=1)
        for word, marker, colour in (("gain", "o", "#2c7fb8"), ("loss", "s", "#d95f0e")):
            of = [row for row in rows if row["model"] == name and row["event"] == word]
            axis.errorbar(
                [row["mean_probability"] for row in of],
                [row["share_that_happened"] for row in of],
                yerr=[1.96 * row["standard_error"] for row in of],
                fmt=marker,
                color=colour,
                markersize=4,
                label=word,
            )
        axis.set_title(name)
        axis.set_xlabel("posterior probability")
    axes[0].set_ylabel("share that happened")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "event_calibration.png", dpi=90)


if __name__ == "__main__":
    main()
