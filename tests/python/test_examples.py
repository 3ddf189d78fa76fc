"""The files in examples/ and the code in the documentation."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_script_makes_the_example_files_again_byte_for_byte(tmp_path: Path) -> None:
    script = ROOT / "examples" / "simulate.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, capture_output=True)
    for name in ("simulated_tree.nwk", "simulated_genes.Rtab"):
        assert (tmp_path / name).read_bytes() == (ROOT / "examples" / name).read_bytes()


def test_the_example_table_looks_like_a_pangenome(example_table: Path) -> None:
    table = np.genfromtxt(example_table, skip_header=1, dtype=np.int8, delimiter="\t")[:, 1:]
    assert table.shape[1] == 40
    assert 2500 < table.shape[0] < 3500
    assert table.any(axis=1).all()


@pytest.mark.parametrize(
    "name",
    [
        "tree",
        "data",
        "model",
        pytest.param("simulation", marks=pytest.mark.native),
        pytest.param("histories", marks=pytest.mark.native),
        pytest.param("check", marks=pytest.mark.native),
        "likelihoods",
        "fit",
        "averaging",
        "comparison",
        "surface",
        "parallel._aggregate",
        "parallel._config",
        "parallel._cross_validate",
        "parallel._familiar",
        "parallel._grid",
        "parallel._map",
        "parallel._monte_carlo",
        "parallel._scaling",
        "parallel.benchmark",
    ],
)
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"persiste_rust.{name}")
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted > 0 or name == "fit"


def test_the_output_in_the_readme_is_what_the_command_prints(example_tree: Path, example_table: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    kinds = "tree|names|rates|assumed|gain rate|loss rate|stat|log-|AIC"
    shown = re.findall(rf"^    ((?:{kinds}).* .*)$", readme, re.MULTILINE)
    assert len(shown) == 9
    command = [sys.executable, "-m", "persiste_rust", "fit", "examples/simulated_tree.nwk", str(example_table)]
    printed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout.splitlines()
    assert set(shown) <= set(printed)


def test_the_python_example_of_the_readme_prints_what_it_says() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        promised = re.findall(r"^print\(.*\)  # (.+)$", block, re.MULTILINE)
        assert promised
        printed = io.StringIO()
        before = os.getcwd()
        os.chdir(ROOT)
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(block, "README.md", "exec"), {})
        finally:
            os.chdir(before)
        assert printed.getvalue().splitlines() == promised


@pytest.mark.native
@pytest.mark.parametrize(("page", "n_promised"), [("models", 4), ("uncertainty", 8)])
def test_the_python_code_of_a_page_prints_what_it_says(
    page: str, n_promised: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    promised = re.findall(r"^print\(.*\)(?:  |\n)# (.+)$", "\n".join(blocks), re.MULTILINE)
    assert len(promised) == n_promised
    monkeypatch.chdir(ROOT)
    exec(compile("\n".join(blocks), f"docs/{page}.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == promised


@pytest.mark.native
def test_the_python_code_of_the_page_on_histories_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "histories.md").read_text("utf-8"), re.DOTALL)
    promised = re.findall(r"^print\(.*\)  # (.+)$", "\n".join(blocks), re.MULTILINE)
    assert len(promised) == 8
    monkeypatch.chdir(ROOT)
    exec(compile("\n".join(blocks), "docs/histories.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == promised


@pytest.mark.native
def test_the_python_code_of_the_page_on_the_fit_of_a_model_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "fit_of_the_model.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    promised = re.findall(r"^print\(.*\)  # (.+)$", "\n".join(blocks), re.MULTILINE)
    assert len(promised) == 5
    monkeypatch.chdir(ROOT)
    exec(compile("\n".join(blocks), "docs/fit_of_the_model.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == promised


def test_the_python_code_of_the_page_on_parallel_work_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "parallel.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "docs/parallel.md", "exec"), {})
    assert "parallel fraction" in capsys.readouterr().out


@pytest.mark.native
def test_the_python_code_of_the_page_on_jax_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("jax", "numpyro", "optax", "scipy"):
        pytest.importorskip(name, reason=f"{name} is not installed (the extra 'test')")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "autodiff.md").read_text(encoding="utf-8"), re.DOTALL)
    promised = re.findall(r"^print\(.*\)(?:  # [^\n]*)?\n# (.+)$", "\n".join(blocks), re.MULTILINE)
    assert len(promised) == 4
    monkeypatch.chdir(ROOT)
    exec(compile("\n".join(blocks), "docs/autodiff.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == promised


@pytest.mark.native
def test_the_example_of_nuts_finds_the_true_rates() -> None:
    for name in ("jax", "numpyro"):
        pytest.importorskip(name, reason=f"{name} is not installed (the extra 'test')")
    specification = importlib.util.spec_from_file_location("nuts", ROOT / "examples" / "nuts.py")
    assert specification is not None
    assert specification.loader is not None
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    for name, found in example.sample(n_chains=2, n_draws=500).items():
        assert found["r_hat"] < 1.01
        assert abs(found["mean"] - example.TRUTH[name]) < 3.0 * found["std"]
