"""Completeness and contamination in the NumPy backend: what a genome's record says about what the genome holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from persiste_rust._fallback_parameters import Floats, Parameter, PenaltyTerm, log_logistic, logistic, logit

_WIDEST_LOGIT = 20.0


class _Kind(NamedTuple):
    """One of the two probabilities: where a search starts and what may be given."""

    name: Literal["completeness", "contamination"]
    start: float
    allowed: str
    exact: float


_COMPLETENESS = _Kind("completeness", 0.95, "above 0 and up to 1 (100 %)", 1.0)
_CONTAMINATION = _Kind("contamination", 0.001, "from 0 (0 %) to below 1", 0.0)


class _Tips:
    """One of the two probabilities of every tip, given or with parameters."""

    def __init__(self, kind: _Kind, setting: Any, tip_names: Sequence[str]) -> None:
        self.kind, self.tip_names = kind, tip_names
        self.given: Floats | None = None
        self.prior: tuple[float, float] | None = None
        if setting is None:
            self.given = np.full(len(tip_names), kind.exact)
        elif isinstance(setting, str):
            if setting != "estimated":
                raise ValueError(f"unknown observation model '{setting}'; known: estimated, a number, or one a genome")
        elif isinstance(setting, tuple):
            self.prior = (float(setting[0]), float(setting[1]))
            self._check_prior(*self.prior)
        else:
            self.given = np.asarray(setting, dtype=np.float64)
            self._check_given(self.given)

    def _check_prior(self, centre: float, sd: float) -> None:
        if not 0.0 < centre < 1.0:
            raise ValueError(f"{self.kind.name}'s prior centre is {centre}; allowed are numbers above 0 and below 1")
        if not (sd > 0.0 and np.isfinite(sd)):
            raise ValueError(f"{self.kind.name}'s prior standard deviation is {sd}; allowed are finite numbers above 0")

    def _check_given(self, given: Floats) -> None:
        if given.shape != (len(self.tip_names),):
            raise ValueError(f"{self.kind.name} has length {given.size}; expected {len(self.tip_names)}, one a tip")
        fits = (given > 0.0) & (given <= 1.0) if self.kind is _COMPLETENESS else (given >= 0.0) & (given < 1.0)
        wrong = np.flatnonzero(~fits)
        if len(wrong):
            raise ValueError(
                f"{self.kind.name} of tip '{self.tip_names[wrong[0]]}' is {given[wrong[0]]}; allowed are numbers "
                f"{self.kind.allowed}"
            )

    @property
    def parameters(self) -> list[Parameter]:
        name, bounds = f"logit_{self.kind.name}", (-_WIDEST_LOGIT, _WIDEST_LOGIT)
        if self.given is not None:
            return []
        if self.prior is None:
            return [Parameter(name, bounds)]
        return [Parameter(f"{name}[{tip}]", bounds) for tip in self.tip_names]

    def start(self) -> list[float]:
        if self.given is not None:
            return []
        return [logit(self.kind.start)] if self.prior is None else [logit(self.prior[0])] * len(self.tip_names)

    def penalty(self) -> list[PenaltyTerm]:
        if self.prior is None:
            return []
        centre, sd = self.prior
        return [PenaltyTerm(tip, None, logit(centre), sd**-2) for tip in range(len(self.tip_names))]

    def log_records(self, parameters: Floats) -> Floats:
        """Log-probabilities of the records absent and present, (2, n_tips)."""
        if self.given is not None:
            with np.errstate(divide="ignore"):
                return np.stack([np.log1p(-self.given), np.log(self.given)])
        logits = np.broadcast_to(parameters, (len(self.tip_names),))
        return np.stack([log_logistic(-logits), log_logistic(logits)])

    def pull_back(self, parameters: Floats, by_log_record: Floats) -> Floats:
        """The derivatives by the parameters, given those by `log_records`."""
        if self.given is not None:
            return np.zeros(0)
        by_logit = by_log_record[1] * logistic(-parameters) - by_log_record[0] * logistic(parameters)
        return np.asarray(by_logit if self.prior is not None else by_logit.sum(keepdims=True))


class Observation:
    """Completeness and contamination of every tip."""

    def __init__(self, completeness: Any, contamination: Any, tip_names: Sequence[str]) -> None:
        """Reads the settings: None, one number a tip, a prior's (centre, sd), or "estimated".

        # Errors
        ValueError for a completeness outside (0, 1], a contamination outside [0, 1), a prior without a positive
        standard deviation, or a tip that would be recorded no more often when it carries a family.
        """
        self._complete = _Tips(_COMPLETENESS, completeness, tip_names)
        self._foreign = _Tips(_CONTAMINATION, contamination, tip_names)
        complete, foreign = self._complete.given, self._foreign.given
        if complete is not None and foreign is not None:
            wrong = np.flatnonzero(complete <= foreign)
            if len(wrong):
                tip = wrong[0]
                raise ValueError(
                    f"tip '{tip_names[tip]}' has completeness {complete[tip]} and contamination {foreign[tip]}; a "
                    "family must be recorded more often where it is present"
                )
        self.is_exact = (
            complete is not None and foreign is not None and bool((complete == 1.0).all() and (foreign == 0.0).all())
        )

    @property
    def parameters(self) -> list[Parameter]:
        """The free parameters: logits, those of completeness first."""
        return self._complete.parameters + self._foreign.parameters

    def start(self) -> list[float]:
        """Returns where a search starts."""
        return self._complete.start() + self._foreign.start()

    def penalty(self) -> list[PenaltyTerm]:
        """Returns the penalty that the priors of single tips make."""
        offset = len(self._complete.parameters)
        return self._complete.penalty() + [term.moved(offset) for term in self._foreign.penalty()]

    def log_record(self, parameters: Floats) -> Floats | None:
        """Returns log P(record | state) as (n_tips, 2, 2), [tip][recorded][state]; None without error."""
        if self.is_exact:
            return None
        split = len(self._complete.parameters)
        absent = self._foreign.log_records(parameters[split:])
        return np.stack([absent.T, self._complete.log_records(parameters[:split]).T], axis=2)

    def pull_back(self, parameters: Floats, by_log_record: Floats) -> Floats:
        """Returns the derivatives by the parameters, given those by `log_record`."""
        split = len(self._complete.parameters)
        complete = self._complete.pull_back(parameters[:split], by_log_record[:, :, 1].T)
        return np.concatenate([complete, self._foreign.pull_back(parameters[split:], by_log_record[:, :, 0].T)])
