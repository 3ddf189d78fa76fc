"""Which backend is taken, and what is said about it; each case in a process and a copy of the package of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import persiste_rust

PACKAGE = Path(persiste_rust.__file__).parent
BROKEN = "raise ImportError('libfoo.so.1: cannot open shared object file')\n"
WORKING = "from persiste_rust._fallback import *\n"

REPORT = """
import warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    import persiste_rust
    at_import = [str(one.message) for one in seen]
    for _ in range(2):
        persiste_rust.Tree.from_newick("(A:1,B:1);")
    print(persiste_rust.BACKEND, len(at_import), len(seen))
    for one in seen:
        print(one.category.__name__, one.filename, one.message)
"""


def run(folder: Path, native: str | None, variable: str | None, code: str = REPORT) -> subprocess.CompletedProcess[str]:
    """Runs code against a copy of the package whose native module is `native`, or absent."""
    shutil.copytree(PACKAGE, folder / "persiste_rust", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    if native is not None:
        (folder / "persiste_rust" / "_core.py").write_text(native)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("PERSISTE_RUST_BACKEND", None)
    if variable is not None:
        environment["PERSISTE_RUST_BACKEND"] = variable
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=folder)


@pytest.mark.parametrize("variable", [None, "auto", ""])
def test_an_absent_native_module_warns_once_and_at_first_use(tmp_path: Path, variable: str | None) -> None:
    done = run(tmp_path, None, variable)
    first, *warned = done.stdout.splitlines()
    assert first == "numpy 0 1", done.stderr
    assert warned[0].startswith("RuntimeWarning")
    assert "was not built on this machine; using NumPy" in warned[0]


def test_a_broken_native_module_is_reported_at_import_with_its_reason(tmp_path: Path) -> None:
    done = run(tmp_path, BROKEN, None)
    first, *warned = done.stdout.splitlines()
    assert first == "numpy 1 1", done.stderr
    assert "does not load: ImportError: libfoo.so.1: cannot open shared object file" in warned[0]


def test_a_working_native_module_is_taken_in_silence(tmp_path: Path) -> None:
    assert run(tmp_path, WORKING, None).stdout.split() == ["rust", "0", "0"]
    assert run(tmp_path / "forced", WORKING, "rust").stdout.split() == ["rust", "0", "0"]


def test_asking_for_numpy_is_silent_whatever_the_native_module_is(tmp_path: Path) -> None:
    for name, native in (("absent", None), ("broken", BROKEN), ("working", WORKING)):
        assert run(tmp_path / name, native, "numpy").stdout.split() == ["numpy", "0", "0"]


def test_asking_for_rust_forbids_the_fallback(tmp_path: Path) -> None:
    absent = run(tmp_path / "absent", None, "rust").stderr
    assert "ImportError: the native module persiste_rust._core was not built on this machine, and" in absent
    broken = run(tmp_path / "broken", BROKEN, "rust").stderr
    assert "does not load: ImportError: libfoo.so.1: cannot open shared object file" in broken.splitlines()[-1]


def test_an_unknown_backend_is_an_error(tmp_path: Path) -> None:
    last = run(tmp_path / "variable", None, "cuda").stderr.splitlines()[-1]
    assert last == "ImportError: PERSISTE_RUST_BACKEND is 'cuda'; known: auto, rust, numpy"
    data = persiste_rust.GeneContentData("(A:1,B:1);", [[1], [0]])
    with pytest.raises(ValueError, match="unknown backend 'cuda'; known: auto, rust, numpy, jax"):
        persiste_rust.GeneContentModel(data, backend="cuda")  # type: ignore[arg-type]


def test_a_backend_asked_for_by_a_model_must_be_there(tmp_path: Path) -> None:
    code = """
import persiste_rust
data = persiste_rust.GeneContentData("(A:1,B:1);", [[1], [0]])
try:
    persiste_rust.GeneContentModel(data, backend="rust")
except ImportError as error:
    print(error)
"""
    assert "was not built on this machine" in run(tmp_path, None, "numpy", code).stdout


def test_everything_in_all_is_there_and_documented() -> None:
    for name in persiste_rust.__all__:
        thing = getattr(persiste_rust, name)
        if callable(thing):
            assert thing.__doc__, name


def test_names_come_from_the_backend() -> None:
    assert "stationary" in persiste_rust.root_priors()
    assert {"none", "observed"} <= set(persiste_rust.ascertainments())
    assert "shared" in persiste_rust.rate_models()
    names = [entry["name"] for entry in persiste_rust.table_formats()]
    assert len(names) == len(set(names)) > 1


@pytest.mark.parametrize(
    ("absent", "statement", "expected"),
    [
        ("jax", "import persiste_rust.jax", "persiste_rust.jax needs JAX, which is not installed"),
        ("torch", "import persiste_rust.torch", "persiste_rust.torch needs PyTorch, which is not installed"),
        (
            "jax",
            "GeneContentModel(GeneContentData('(A:1,B:1);', [[1], [0]]), backend='jax')",
            "backend 'jax' needs JAX, which is not installed",
        ),
    ],
)
def test_without_jax_or_pytorch_a_message_names_the_extra(absent: str, statement: str, expected: str) -> None:
    code = (
        f"import sys; sys.modules['{absent}'] = None\n"
        f"from persiste_rust import GeneContentData, GeneContentModel\n{statement}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last == f"ImportError: {expected}; pip install 'persiste-rust[{absent}]'"


INTERRUPTED = """
import numpy, numpy.lib
def interrupt(*_):
    raise KeyboardInterrupt
import persiste_rust
numpy.lib.NumpyVersion = interrupt
print(persiste_rust.Tree.from_newick("(A:1,B:1);").parent)
"""


@pytest.mark.native
def test_the_array_interface_of_numpy_is_fetched_before_any_work() -> None:
    # Fetched during work, it runs Python code that Ctrl-C can stop, and the binding to NumPy panics then.
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert done.stdout == "[ 2  2 -1]\n", done.stderr
