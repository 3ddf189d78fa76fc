"""The build hooks: the pure wheel, the editable wheel and the source archive, made without cargo."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def call_hook(call: str, root: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Calls a hook in a process of its own that cannot see a cargo unless a variable shows it one."""
    code = f"import persiste_build as hooks; print('result', {call})"
    path = os.pathsep.join([str(root / "build_backend"), *filter(None, [os.environ.get("PYTHONPATH")])])
    hidden = {"PATH": "/nowhere", "CARGO_HOME": "/nowhere", "PYTHONPATH": path}
    environment = {**os.environ, **hidden, **variables}
    environment.setdefault("PERSISTE_BUILD", "auto")
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=root)


def built(call: str, root: Path = ROOT) -> str:
    done = call_hook(call, root, PERSISTE_BUILD="auto")
    assert done.returncode == 0, done.stderr
    return done.stdout.rsplit("result ", 1)[1].strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return folder / built(f"hooks.build_wheel({str(folder)!r})")


def cargo_version() -> str:
    found = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found[1]


def test_wheel_without_cargo_is_pure_python_and_has_cargos_version(wheel: Path) -> None:
    assert wheel.name == f"persiste_rust-{cargo_version()}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {"persiste_rust/__init__.py", "persiste_rust/_core.pyi", "persiste_rust/py.typed"} <= set(names)
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc"))]


def test_record_lists_every_file_with_its_hash(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    record = next(name for name in content if name.endswith(".dist-info/RECORD"))
    rows = list(csv.reader(io.StringIO(content[record].decode())))
    assert sorted(row[0] for row in rows) == sorted(content)
    for name, digest, size in rows:
        if name == record:
            assert (digest, size) == ("", "")
            continue
        expected = base64.urlsafe_b64encode(hashlib.sha256(content[name]).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={expected}", len(content[name]))


def test_wheel_declares_the_command_and_its_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {name.rsplit("/", 1)[-1]: archive.read(name).decode() for name in archive.namelist()}
    assert "persiste = persiste_rust.cli:main" in texts["entry_points.txt"]
    metadata = texts["METADATA"]
    for line in (
        "Name: persiste-rust",
        f"Version: {cargo_version()}",
        "License-Expression: MIT OR Apache-2.0",
        "Requires-Python: >=3.10",
        "Requires-Dist: numpy>=1.24",
        "Requires-Dist: pandas>=2 ; extra == 'pandas'",
    ):
        assert line in metadata.splitlines()
    assert {"LICENSE-MIT", "LICENSE-APACHE"} <= texts.keys()


def test_equal_sources_give_equal_wheels(wheel: Path, tmp_path: Path) -> None:
    again = tmp_path / built(f"hooks.build_wheel({str(tmp_path)!r})")
    assert again.read_bytes() == wheel.read_bytes()


def test_unpacked_wheel_imports_computes_and_warns_once_at_first_use(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    import persiste_rust
    assert persiste_rust.__file__.startswith(sys.argv[1]), persiste_rust.__file__
    print(persiste_rust.BACKEND, len(seen))
    for _ in range(2):
        value = persiste_rust.compute_likelihoods_rust("(A:1,B:1);", [[1], [0]], 1.0, 1.0)
    print(len(seen), seen[0].category.__name__, f"{value[0]:.6f}")
"""
    environment = {name: value for name, value in os.environ.items() if name != "PERSISTE_RUST_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    # P(1, 0) on two tips at distance 2 with g = l = 1: (1 - exp(-4)) / 4.
    assert done.stdout.split() == ["numpy", "0", "1", "RuntimeWarning", "-1.404780"]


def test_editable_wheel_points_at_the_sources(tmp_path: Path) -> None:
    name = built(f"hooks.build_editable({str(tmp_path)!r})")
    with zipfile.ZipFile(tmp_path / name) as archive:
        links = [archive.read(entry).decode().strip() for entry in archive.namelist() if entry.endswith(".pth")]
    assert links == [str(ROOT / "python")]


def test_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    name = built(f"hooks.build_sdist({str(tmp_path)!r})")
    top = tmp_path / name.removesuffix(".tar.gz")
    with tarfile.open(tmp_path / name) as archive:
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    assert {"PKG-INFO", "Cargo.toml", "Cargo.lock", "src", "build_backend"} <= {path.name for path in top.iterdir()}
    assert not list(top.rglob("*.so"))
    again = tmp_path / built(f"hooks.build_wheel({str(tmp_path)!r})", top)
    assert again.read_bytes() == wheel.read_bytes()


def test_maturin_is_asked_for_only_where_there_is_a_cargo(tmp_path: Path) -> None:
    assert built("hooks.get_requires_for_build_wheel()") == "[]"
    cargo = tmp_path / "bin" / "cargo"
    cargo.parent.mkdir()
    cargo.write_text("#!/bin/sh\nexit 1\n")
    cargo.chmod(0o755)
    for variables in ({"PATH": str(cargo.parent)}, {"CARGO_HOME": str(tmp_path)}):
        done = call_hook("hooks.get_requires_for_build_wheel()", PERSISTE_BUILD="auto", **variables)
        assert done.stdout.strip() == "result ['maturin>=1.9,<2']"
        forced = call_hook("hooks.get_requires_for_build_wheel()", PERSISTE_BUILD="python", **variables)
        assert forced.stdout.strip() == "result []"


def test_a_build_that_must_be_native_fails_without_cargo() -> None:
    done = call_hook("hooks.build_wheel('/nowhere')", PERSISTE_BUILD="rust")
    assert done.returncode != 0
    assert "no cargo was found" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_kind_of_build_is_refused() -> None:
    done = call_hook("hooks.build_wheel('/nowhere')", PERSISTE_BUILD="fast")
    assert done.returncode != 0
    assert "PERSISTE_BUILD is 'fast'; known: auto, rust, python" in done.stderr


def test_a_compile_that_fails_is_not_hidden_by_a_pure_wheel(tmp_path: Path) -> None:
    (tmp_path / "cargo").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "cargo").chmod(0o755)
    broken = tmp_path / "maturin.py"  # stands for maturin when the compiler fails
    broken.write_text("def build_wheel(*_):\n    raise SystemExit('error: could not compile')\n")
    path = os.pathsep.join([str(ROOT / "build_backend"), str(tmp_path)])
    out = tmp_path / "out"
    done = call_hook(f"hooks.build_wheel({str(out)!r})", PERSISTE_BUILD="auto", PATH=str(tmp_path), PYTHONPATH=path)
    assert done.returncode != 0
    assert "could not compile" in done.stderr
    assert not out.exists()
