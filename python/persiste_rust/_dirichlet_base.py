"""What an estimator of scikit-learn inherits, and the same in small where scikit-learn is not installed."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    class Base:
        """An estimator whose parameters are the arguments of its `__init__`."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Returns the parameters by name."""

        def set_params(self, **params: Any) -> Any:
            """Sets parameters by name and returns self."""

    class NotFittedError(ValueError, AttributeError):
        """The estimator was not fitted yet."""

    class NotConverged(UserWarning):
        """A fit ended before it converged."""

    HAS_SKLEARN: bool
else:
    try:
        from sklearn.base import BaseEstimator, DensityMixin
        from sklearn.exceptions import ConvergenceWarning as NotConverged, NotFittedError

        HAS_SKLEARN = True

        class Base(DensityMixin, BaseEstimator):
            """An estimator of scikit-learn on tables of counts."""

            def __sklearn_tags__(self):
                """Returns the tags: counts are not negative, nothing may be missing."""
                tags = super().__sklearn_tags__()
                tags.input_tags.positive_only = True
                tags.no_validation = False
                return tags

    except ImportError:
        HAS_SKLEARN = False

        class NotFittedError(ValueError, AttributeError):
            """The estimator was not fitted yet."""

        class NotConverged(UserWarning):
            """A fit ended before it converged."""

        class Base:
            """An estimator whose parameters are the arguments of its `__init__`."""

            def get_params(self, deep: bool = True) -> dict[str, Any]:
                """Returns the parameters by name."""
                names = [name for name in inspect.signature(type(self).__init__).parameters if name != "self"]
                return {name: getattr(self, name) for name in names}

            def set_params(self, **params: Any) -> Any:
                """Sets parameters by name and returns self.

                # Errors
                ValueError for an unknown name.
                """
                known = self.get_params()
                for name, value in params.items():
                    if name not in known:
                        raise ValueError(
                            f"Invalid parameter '{name}' for estimator {type(self).__name__}. "
                            f"Valid parameters are: {list(known)}."
                        )
                    setattr(self, name, value)
                return self

            def __repr__(self) -> str:
                """Returns the class with its parameters."""
                given = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
                return f"{type(self).__name__}({given})"
