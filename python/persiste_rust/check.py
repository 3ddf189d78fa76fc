"""How well a model fits its table: what it expects beside what is there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from persiste_rust._checked import checked_seed, whole_number

if TYPE_CHECKING:
    import pandas as pd

    from persiste_rust.data import Progress
    from persiste_rust.model import GeneContentModel, Parameters

_Floats = NDArray[np.float64]

_OF_FAMILY = ("presences", "log_likelihood", "p", "q", "p_given_presences", "q_given_presences", "n_given_presences")

_NEEDS_ENGINE = "checks of a fit need the compiled engine; the NumPy backend does not have them"
_PER_FAMILY = (
    "rates='per-family' is not checked: two rates a family leave a table nothing to disagree with; check a model whose "
    "rates families share, such as DiscreteGamma(4)"
)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length, by name: `table["expected"]`, `table.columns()`, `table.to_frame()`."""

    _columns: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """A column: an array, or a list of text."""
        return self._columns[name]

    def __len__(self) -> int:
        """The number of rows."""
        return len(next(iter(self._columns.values())))

    def columns(self) -> dict[str, Any]:
        """Returns the columns, by name."""
        return dict(self._columns)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Returns the rows, each a mapping from the columns' names to plain values."""
        plain = [column.tolist() if isinstance(column, np.ndarray) else column for column in self._columns.values()]
        return (dict(zip(self._columns, row, strict=True)) for row in zip(*plain, strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas DataFrame."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a DataFrame needs pandas: pip install 'persiste-rust[pandas]'") from error
        frame: pd.DataFrame = pandas.DataFrame(self.columns())
        return frame


@dataclass(frozen=True, eq=False)
class ExpectedSpectrum:
    """How many families are present in k genomes, observed and expected, and what follows from it.

    - `bins`: a row for each number of genomes k = 0..n: `observed`, `expected`, `sd`, and the band `low`..`high` in
      which the observed number lies with probability 99 % at these parameters (exact binomial where all families
      follow one law, else a binomial of the same mean and variance); `outside` says that it does not.
    - `classes`: the same for core, shell, cloud and singletons.
    - `accumulation`: a row for each number of genomes m = 0..n: families seen in m genomes, the mean over all subsets
      of m (`observed`), its expectation (`expected`, `expected_sd`), and the new ones that the m-th brings.

    All are conditioned as the model is, and over visible cells. `n_laws` is the number of laws that families follow
    (covariates, missing cells); `n_simulated` is 0 for an exact expectation, else from how many simulated tables it is
    the mean.
    """

    bins: Table
    classes: Table
    accumulation: Table
    n_laws: int
    n_simulated: int

    @property
    def n_outside(self) -> int:
        """How many numbers of genomes have an observed number of families outside their band."""
        return int(self.bins["outside"].sum())


class TotalFamilies(NamedTuple):
    """The number of families of the process, unseen ones included, and its standard error."""

    value: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class Check:
    """What `GeneContentModel.check` found; `summary()` says it in words.

    - `spectrum`: the gene-frequency spectrum, core, shell and cloud, accumulation curve (`ExpectedSpectrum`).
    - `predictive`: a row a statistic: `observed`, `mean` and `sd` over simulated tables, `p_low`, `p_high`, `p_value`.
    - `families`: a row a family: `log_likelihood`, and the share of simulated families that are as unlikely, `p`, with
      its false-discovery rate `q`; `p_given_presences` and its `q` compare with simulated families that are present in
      as many genomes (`n_given_presences` of them): small, the pattern is odd, not the frequency.
    - `genomes`: a row a genome: families `observed` and `expected` given all other genomes, `residual` (standard
      normal under the model), families that the others are sure it has and it is `lacking`, or sure it has not and are
      `extra`, both beside what is expected; `implied_completeness` a hint; its `size` and its `own` families, that no
      other genome has, beside mean and sd over simulated tables.
    - `total_families`: `n / P(recorded)`, the families of the process; None for a model that conditions on nothing.

    p-values are at the given parameters (plug-in): where these are fitted to the same table they are conservative.
    """

    parameters: Mapping[str, float]
    model: str
    ascertainment: str
    spectrum: ExpectedSpectrum
    predictive: Table
    families: Table
    genomes: Table
    total_families: TotalFamilies | None
    n_simulations: int
    seed: int
    core: float
    cloud: float
    _settings: Mapping[str, Any]

    def __repr__(self) -> str:
        """One line: what was checked; `summary()` says what came of it."""
        return f"Check({self.model}; {len(self.families)} families, {self.n_simulations} simulated tables)"

    def summary(self) -> str:
        """Returns a verdict in words: what fits, what does not, where, and what may help."""
        from persiste_rust._check_words import summary

        return summary(self)

    def to_dict(self) -> dict[str, Any]:
        """Returns everything but the rows of families as plain values that JSON can hold; NaN is None."""
        from persiste_rust._check_words import findings

        total = self.total_families
        return {
            "parameters": {name: _plain(value) for name, value in self.parameters.items()},
            "model": self.model,
            "ascertainment": self.ascertainment,
            "n_simulations": self.n_simulations,
            "seed": self.seed,
            "core": self.core,
            "cloud": self.cloud,
            "findings": [finding._asdict() for finding in findings(self)],
            "n_spectrum_outside": self.spectrum.n_outside,
            "spectrum_simulated": self.spectrum.n_simulated,
            "classes": _plain_rows(self.spectrum.classes),
            "predictive": _plain_rows(self.predictive),
            "n_families": len(self.families),
            "n_surprising_families": int((self.families["q"] <= 0.05).sum()),
            "n_surprising_given_presences": int((self.families["q_given_presences"] <= 0.05).sum()),
            "genomes": _plain_rows(self.genomes),
            "total_families": None
            if total is None
            else {"value": _plain(total.value), "standard_error": _plain(total.standard_error)},
        }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain_rows(table: Table) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in row.items()} for row in table.rows()]


def engine(model: GeneContentModel) -> Any:
    """Returns the native module.

    # Errors
    ValueError for a model that cannot be checked.
    """
    if getattr(model, "_native", None) is None:
        raise ValueError(_PER_FAMILY)
    if model.backend != "rust":
        raise ValueError(_NEEDS_ENGINE)
    from persiste_rust import _core

    return _core


def expected_spectrum(
    model: GeneContentModel,
    params: Parameters,
    *,
    core: float = 0.99,
    cloud: float = 0.15,
    n_simulations: int = 200,
    seed: int = 1,
    progress: Progress | None = None,
) -> ExpectedSpectrum:
    """Returns the gene-frequency spectrum that the model expects beside the table's; see `ExpectedSpectrum`.

    It is exact but for windows with an upper end over a table with missing cells, and for tables with so many different
    sets of missing cells that it would take minutes: those are simulated, `n_simulations` tables from `seed`.

    # Errors
    ValueError for `core` and `cloud` that are no shares in this order, a root by the data, no simulations, the NumPy
    backend, or rates="per-family".
    """
    module, vector = engine(model), model._vector(params)
    checked_order(n_simulations, seed)
    found = module.expected_spectrum(model._native, vector, n_simulations, seed, core, cloud, progress)
    return _spectrum(found)


def total_families(model: GeneContentModel, params: Parameters, *, covariance: _Floats | None = None) -> TotalFamilies:
    """Returns the number of families of the process, those included that the table could not show.

    `sum_f 1 / P(recorded of f)`, for `observed` and equal rates `n / (1 - p0)`. The standard error is that of the
    number of recorded families at known parameters and, with the `covariance` of the parameters, theirs by the delta
    method. It extrapolates: families that the process can gain but that no genome has count as well.

    # Errors
    ValueError for a model that conditions on nothing.

    # Source
    Sanathanan 1972, doi:10.1214/aoms/1177692709.
    """
    module, vector = engine(model), model._vector(params)
    value, variance = module.all_families(model._native, vector)
    if covariance is not None:
        slopes = np.zeros(len(vector))
        for place in np.flatnonzero(np.isfinite(vector) & np.isfinite(np.diag(covariance))):
            step = np.zeros(len(vector))
            step[place] = 1e-5 * max(1.0, abs(vector[place]))
            above, below = (module.all_families(model._native, point)[0] for point in (vector + step, vector - step))
            slopes[place] = (above - below) / (2.0 * step[place])
        used = slopes != 0.0
        variance += float(slopes[used] @ np.asarray(covariance)[np.ix_(used, used)] @ slopes[used])
    return TotalFamilies(value, math.sqrt(variance) if variance >= 0.0 else math.nan)


def check_model(
    model: GeneContentModel,
    params: Parameters,
    *,
    n_simulations: int = 200,
    seed: int = 1,
    core: float = 0.99,
    cloud: float = 0.15,
    covariance: _Floats | None = None,
    progress: Progress | None = None,
) -> Check:
    """Returns what the model expects of its table beside what is there; see `GeneContentModel.check`."""
    module, vector = engine(model), model._vector(params)
    checked_order(n_simulations, seed)
    found = module.check(model._native, vector, n_simulations, seed, core, cloud, progress)
    conditions = model.ascertainment != "none"
    return Check(
        parameters=dict(zip(model.parameter_names, vector.tolist(), strict=True)),
        model=model._native.rates_in_words(),
        ascertainment=model.ascertainment_name,
        spectrum=_spectrum(found["spectrum"]),
        predictive=Table(_renamed(found["statistics"], {"name": "statistic"})),
        families=Table(
            {"family": list(model.data.family_names), **{name: found["families"][name] for name in _OF_FAMILY}}
        ),
        genomes=Table({"genome": list(model.data.tree.tip_names), **found["genomes"]}),
        total_families=total_families(model, vector, covariance=covariance) if conditions else None,
        n_simulations=n_simulations,
        seed=seed,
        core=core,
        cloud=cloud,
        _settings=_settings(model),
    )


def checked_order(n_simulations: int, seed: int) -> None:
    """Raises ValueError or TypeError for numbers that no simulation can have."""
    whole_number(n_simulations, "n_simulations")
    checked_seed(seed)


def _settings(model: GeneContentModel) -> dict[str, Any]:
    """What the model already says, so that it is not advised again."""
    rates = model._settings["rates"][0]
    return {
        "rates": rates,
        "completeness": model._settings["completeness"] is not None,
        "contamination": model._settings["contamination"] is not None,
        "branches": bool(model._columns) or model._multipliers is not None or model.regimes is not None,
    }


def _renamed(columns: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): column for name, column in columns.items()}


def _expectations(found: dict[str, Any]) -> dict[str, Any]:
    outside = (found["observed"] < found["low"]) | (found["observed"] > found["high"])
    return {**found, "outside": outside}


def _spectrum(found: dict[str, Any]) -> ExpectedSpectrum:
    n_bins = len(found["bins"]["observed"])
    seen, expected = found["seen"], found["expected_seen"]
    return ExpectedSpectrum(
        bins=Table({"genomes": np.arange(n_bins), **_expectations(found["bins"])}),
        classes=Table({"class": list(found["class_names"]), **_expectations(found["classes"])}),
        accumulation=Table(
            {
                "genomes": np.arange(n_bins),
                "observed": seen,
                "expected": expected,
                "expected_sd": found["expected_seen_sd"],
                "observed_new": np.diff(seen, prepend=0.0),
                "expected_new": np.diff(expected, prepend=0.0),
            }
        ),
        n_laws=int(found["n_laws"]),
        n_simulated=int(found["n_simulated"]),
    )


class CheckMethods:
    """How well a model fits; the part of `GeneContentModel` about its own table."""

    def check(
        self,
        params: Parameters,
        *,
        n_simulations: int = 200,
        seed: int = 1,
        core: float = 0.99,
        cloud: float = 0.15,
        progress: Progress | None = None,
    ) -> Check:
        """Returns what the model expects of its table at these parameters beside what is there.

        The gene-frequency spectrum with its bands, core (at least `core` of the genomes), shell and cloud (less than
        `cloud`), the accumulation curve, statistics of `n_simulations` simulated tables, and how surprising each family
        and each genome is; under any model, conditioned as it is. `print(check.summary())` says it in words;
        docs/fit_of_the_model.md explains each number. Results depend on `seed` and not on threads. The parameters are
        plugged in: fitted to the same table, p-values are conservative.

        # Errors
        ValueError for no simulations, shares in the wrong order, a root by the data ("fitzjohn"), the NumPy backend, or
        rates="per-family".

        >>> from persiste_rust import GeneContentData, GeneContentModel
        >>> data = GeneContentData("((A:1,B:1):0.5,C:1.5);", [[1, 0, 1], [1, 1, 0], [0, 1, 0]])
        >>> model = GeneContentModel(data, ascertainment="observed")
        >>> check = model.check({"log_gain": -1.0, "log_loss": 0.0}, n_simulations=20)
        >>> check.spectrum.bins["observed"].tolist()
        [0, 1, 2, 0]
        """
        return check_model(
            self,  # type: ignore[arg-type]
            params,
            n_simulations=n_simulations,
            seed=seed,
            core=core,
            cloud=cloud,
            progress=progress,
        )

    def expected_spectrum(
        self,
        params: Parameters,
        *,
        core: float = 0.99,
        cloud: float = 0.15,
        n_simulations: int = 200,
        seed: int = 1,
        progress: Progress | None = None,
    ) -> ExpectedSpectrum:
        """Returns the gene-frequency spectrum that the model expects; see `persiste_rust.check.expected_spectrum`."""
        return expected_spectrum(
            self,  # type: ignore[arg-type]
            params,
            core=core,
            cloud=cloud,
            n_simulations=n_simulations,
            seed=seed,
            progress=progress,
        )
