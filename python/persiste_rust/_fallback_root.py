"""Root priors of the NumPy backend: the rules that give the root its state frequencies."""

from __future__ import annotations

from typing import Literal

import numpy as np

from persiste_rust._fallback_parameters import Floats, Parameter, log_logistic

Rule = Literal["stationary", "equal", "absent", "present", "estimated", "fitzjohn"]
RULES: tuple[Rule, ...] = ("stationary", "equal", "absent", "present", "estimated", "fitzjohn")
_PRESENT = {"equal": 0.5, "absent": 0.0, "present": 1.0}
_WIDEST_LOGIT = 20.0


class Root:
    """A rule by its name, or a given probability of presence."""

    def __init__(self, root: str | float) -> None:
        """Reads the setting.

        # Errors
        ValueError for an unknown name, or a number that is no probability.
        """
        self.rule: Rule | None = None
        self.present: float | None = None
        known = f"known: {', '.join(RULES)} or a number from 0 to 1"
        if isinstance(root, str) and root in RULES:
            self.rule = root
            self.present = _PRESENT.get(root)
            return
        try:
            self.present = float(root)
        except ValueError:
            raise ValueError(f"unknown root prior '{root}'; {known}") from None
        if not 0.0 <= self.present <= 1.0:
            raise ValueError(f"root frequency {self.present} is not a probability; {known}")

    @property
    def parameters(self) -> list[Parameter]:
        """The rule's own parameters."""
        if self.rule != "estimated":
            return []
        return [Parameter("logit_root", (-_WIDEST_LOGIT, _WIDEST_LOGIT))]

    def log_frequencies(self, parameters: Floats, gain: Floats, loss: Floats) -> Floats | None:
        """Returns the logs of the frequencies of states 0 and 1, (2, n_rates), at rates of (n_rates,).

        None where each family's own data weigh them.

        # Errors
        ValueError for the stationary rule where both rates are 0.
        """
        if self.rule == "fitzjohn":
            return None
        if self.rule == "stationary":
            if not (gain + loss > 0.0).all():
                raise ValueError(
                    "the stationary root frequency gain / (gain + loss) is undefined where both rates are 0"
                )
            with np.errstate(divide="ignore"):
                return np.log(np.stack([loss, gain])) - np.log(gain + loss)
        if self.rule == "estimated":
            logs = np.stack([log_logistic(-parameters[0]), log_logistic(parameters[0])])
        else:
            assert self.present is not None  # every other rule is a number
            with np.errstate(divide="ignore"):
                logs = np.array([np.log1p(-self.present), np.log(self.present)])
        return np.repeat(logs[:, None], len(gain), axis=1)

    def pull_back(self, log_root: Floats | None, by_log_root: Floats) -> tuple[Floats, Floats]:
        """Returns the derivatives by log gain - log loss, (n_rates,), and by the rule's own parameters.

        Both the stationary and the estimated rule have `logit f1 = log f1 - log f0` as their free number: log gain -
        log loss, or the parameter.
        """
        if log_root is None or self.rule not in ("stationary", "estimated"):
            return np.zeros(by_log_root.shape[1]), np.zeros(0)
        absent, present = np.exp(log_root)
        by_logit = by_log_root[1] * absent - by_log_root[0] * present
        if self.rule == "stationary":
            return by_logit, np.zeros(0)
        return np.zeros_like(by_logit), by_logit.sum(keepdims=True)


def frequency_at_given_rates(root: str | float) -> float | Literal["stationary"]:
    """Returns P(root = 1), or "stationary", for likelihoods at given rates.

    # Errors
    ValueError for a rule that needs a model, and as `Root` does.
    """
    of = Root(root)
    if of.rule in ("estimated", "fitzjohn"):
        raise ValueError(f"root prior '{of.rule}' needs a model to estimate or weigh it; give a number or another rule")
    return "stationary" if of.present is None else of.present


def mean_frequencies(log_root: Floats, weight: Floats) -> Floats:
    """Returns the mean over categories of the root frequencies, (2,)."""
    return np.asarray(np.exp(log_root) @ weight)
