"""DirichletMixture and the optional packages: what is imported when, and what works without them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import persiste_rust
from persiste_rust.dirichlet import DirichletMixture

pytestmark = pytest.mark.native


@pytest.mark.parametrize("program", ["import persiste_rust", "import persiste_rust.cli"])
def test_the_package_imports_neither_scikit_learn_nor_pandas(program: str) -> None:
    code = f"import sys\n{program}\nassert not {{'sklearn', 'pandas', 'matplotlib', 'scipy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_scikit_learn_and_pandas_the_class_still_works() -> None:
    code = """
import sys
for name in ("sklearn", "pandas", "matplotlib"):
    sys.modules[name] = None
import numpy as np
from persiste_rust import DirichletMixture
model = DirichletMixture(2, random_state=1)
assert model.get_params()["random_state"] == 1
assert model.set_params(n_components=1, max_iter=50).n_components == 1
try:
    model.set_params(size=3)
except ValueError as error:
    assert "Invalid parameter 'size'" in str(error)
else:
    raise SystemExit("an unknown parameter was taken")
try:
    model.predict(np.ones((2, 2)))
except ValueError as error:
    assert str(error) == "Model must be fitted before making predictions"
model.fit(np.array([[3, 1], [4, 2]]))
try:
    model.result.get_group_assignments_df()
except ImportError as error:
    assert "persiste-rust[dirichlet]" in str(error)
print(repr(model))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("DirichletMixture(n_components=1, verbose=False, random_state=1")


def test_the_top_of_the_package_has_the_class() -> None:
    assert persiste_rust.DirichletMixture is DirichletMixture
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        persiste_rust.Nothing  # noqa: B018 - the access is what is tested
