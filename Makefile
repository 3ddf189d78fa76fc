# make demo    builds the package and fits the example data; results in demo-output/
# make test    every check: format, lints, tests of Rust and Python, types, documentation
# make bench   the benchmarks
# make test-torch   the tests that need PyTorch, in a virtual environment of its own (some GB)
# make slow    simulation studies (coverage, calibration); results in tests/slow/results/
# make fuzz    the kernel against its plain twin on random draws for FUZZ_SECONDS (600); prints the seed it began with
# make clean   removes what was built
#
# Needs: make, a Rust toolchain with rustfmt and clippy, a C linker, python3 >= 3.10 with venv.

PYTHON ?= python3
DEMO_VENV := .venv
TEST_VENV := .venv-test
TORCH_VENV := .venv-torch
BIN := $(TEST_VENV)/bin
# rustup's folder, for shells that have not been told of it.
export PATH := $(PATH):$(HOME)/.cargo/bin
export PYO3_PYTHON = $(CURDIR)/$(BIN)/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1

FUZZ_SECONDS ?= 600

.PHONY: demo test test-rust test-python test-torch bench slow fuzz clean check-python check-rust

demo: check-python $(DEMO_VENV)/bin/python
	$(DEMO_VENV)/bin/python -m pip install --quiet .
	$(DEMO_VENV)/bin/persiste fit examples/simulated_tree.nwk examples/simulated_genes.Rtab -o demo-output

test: test-rust test-python

test-rust: check-rust $(BIN)/python
	cargo fmt --check
	cargo clippy --quiet --all-targets -- -D warnings
	cargo clippy --quiet --all-targets --features python,phylotree -- -D warnings
	cargo test --quiet
	cargo test --quiet --features phylotree --lib --test phylotree_differential
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps

test-python: check-rust $(BIN)/python
	PERSISTE_BUILD=rust $(BIN)/python -m pip install --quiet '.[test,dev]'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest persiste_rust._core
	PERSISTE_RUST_BACKEND=rust $(BIN)/python -m pytest --quiet
	PERSISTE_RUST_BACKEND=numpy $(BIN)/python -m pytest --quiet -m "not native"

test-torch: check-rust $(TORCH_VENV)/bin/python
	PERSISTE_BUILD=rust $(TORCH_VENV)/bin/python -m pip install --quiet '.[torch]' pytest formulaic pandas
	PERSISTE_RUST_BACKEND=rust $(TORCH_VENV)/bin/python -m pytest --quiet tests/python/test_torch.py

bench: check-rust
	cargo bench

slow: check-rust $(BIN)/python
	PERSISTE_BUILD=rust $(BIN)/python -m pip install --quiet '.[test,dev]' scipy formulaic
	PERSISTE_RUST_BACKEND=rust $(BIN)/python tests/slow/coverage.py
	PERSISTE_RUST_BACKEND=rust $(BIN)/python tests/slow/null_calibration.py
	PERSISTE_RUST_BACKEND=rust $(BIN)/python tests/slow/bootstrap.py
	PERSISTE_RUST_BACKEND=rust $(BIN)/python tests/slow/events.py
	PERSISTE_RUST_BACKEND=rust $(BIN)/python tests/slow/spectrum.py

fuzz: check-rust
	PERSISTE_FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test --test fuzz -- --ignored --nocapture

clean:
	rm -rf target $(DEMO_VENV) $(TEST_VENV) $(TORCH_VENV) demo-output dist build .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(DEMO_VENV)/bin/python $(TEST_VENV)/bin/python $(TORCH_VENV)/bin/python: | check-python
	$(PYTHON) -m venv $(@D)/..

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "$(PYTHON) is missing or older than 3.10; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	    { echo "$(PYTHON) lacks venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

check-rust:
	@for tool in cargo rustfmt cargo-clippy; do command -v $$tool >/dev/null || \
	    { echo "$$tool is missing; install Rust with rustfmt and clippy (rustup.rs)"; exit 1; }; done
