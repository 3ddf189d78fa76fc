"""Times the likelihood written in JAX beside the native module, and the native module as a function of JAX.

python benches/jax_backend.py                       # 50 x 500, 200 x 10,000
python benches/jax_backend.py --size 1000x100000    # genomes x families; as often as wanted
JAX_PLATFORMS=cuda python benches/jax_backend.py --size 10000x100000

Random trees with exponential branch lengths of mean 0.1, families simulated under gain 0.5 and loss 1.0, shared rates.
Values and gradients are compared first: their largest relative difference must be below 1e-10, else nothing is timed.
Times are the least and the median of the calls that fit into the seconds given, after compiling; the native module uses
one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

from jax import numpy as jnp

from persiste_rust import GeneContentModel, simulate
from persiste_rust.jax import log_likelihood

AT = np.log([0.5, 1.0])
TOLERANCE = 1e-10


def random_tree(n_tips: int, rng: np.random.Generator) -> str:
    """Returns a tree whose lineages join at random."""
    nodes = [f"t{tip}" for tip in range(n_tips)]

    def taken() -> str:
        place = rng.integers(len(nodes))
        nodes[place], nodes[-1] = nodes[-1], nodes[place]
        return nodes.pop()

    while len(nodes) > 1:
        one, two = taken(), taken()
        lengths = rng.exponential(0.1, 2)
        nodes.append(f"({one}:{lengths[0]:.9f},{two}:{lengths[1]:.9f})")
    return f"{nodes[0]};"


def timed(call: Callable[[], Any], seconds: float) -> str:
    """Returns the least and the median time of a call, in milliseconds."""
    call()
    taken: list[float] = []
    while len(taken) < 3 or (sum(taken) < seconds and len(taken) < 2000):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return f"{min(taken) * 1e3:10.3f} {float(np.median(taken)) * 1e3:10.3f}  ({len(taken)} calls)"


def measure(n_genomes: int, n_families: int, seconds: float) -> None:
    """Prints the times of one size."""
    rng = np.random.default_rng(1)
    params = {"log_gain": AT[0], "log_loss": AT[1]}
    data = simulate(random_tree(n_genomes, rng), n_families, params, seed=1).data
    print(f"\n{n_genomes} genomes x {n_families} families, {data.n_patterns} patterns; JAX on {jax.devices()[0]}")
    native = GeneContentModel(data, threads=1)
    began = time.perf_counter()
    model = GeneContentModel(data, backend="jax")
    value, gradient = model.value_and_gradient(AT)
    model.log_likelihood(AT)
    print(f"laying out and compiling two programs: {time.perf_counter() - began:.1f} s")
    expected, slope = native.value_and_gradient(AT)
    worst = max(abs(value / expected - 1.0), float(np.max(np.abs(gradient - slope) / np.maximum(np.abs(slope), 1.0))))
    print(f"largest relative difference of value and gradient: {worst:.1e}")
    if not worst < TOLERANCE:
        raise SystemExit(f"the backends differ by more than {TOLERANCE}")
    at = jnp.asarray(AT)
    rows: list[tuple[str, Callable[[], Any]]] = [
        ("native, value", lambda: native.log_likelihood(AT)),
        ("native, value and gradient", lambda: native.value_and_gradient(AT)),
    ]
    for way in ("ffi", "callback"):
        f = log_likelihood(native, bridge=way)  # type: ignore[arg-type]
        value_of, both = jax.jit(f), jax.jit(jax.value_and_grad(f))
        rows.append((f"native from jit, {way}, value", lambda call=value_of: jax.block_until_ready(call(at))))
        rows.append((f"native from jit, {way}, value and gradient", lambda call=both: jax.block_until_ready(call(at))))

        @jax.jit
        def hundred(start: Any, f: Any = f) -> Any:
            return jax.lax.scan(lambda a, _: (a + 1e-9 * jax.grad(f)(a), None), start, None, length=100)[0]

        rows.append(
            (f"native from jit, {way}, 100 gradient steps", lambda call=hundred: jax.block_until_ready(call(at)))
        )
    empty = jax.jit(lambda a: (a.sum(), 2.0 * a))
    rows.append(("a jit of nothing", lambda: jax.block_until_ready(empty(at))))
    rows.append(("backend jax, value", lambda: model.log_likelihood(AT)))
    rows.append(("backend jax, value and gradient", lambda: model.value_and_gradient(AT)))
    print(f"{'':45s} {'least ms':>10s} {'median ms':>10s}")
    for name, call in rows:
        print(f"{name:45s} {timed(call, seconds)}", flush=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", action="append", help="genomes x families, such as 200x10000")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds for each row")
    arguments = parser.parse_args()
    for size in arguments.size or ["50x500", "200x10000"]:
        n_genomes, n_families = map(int, size.split("x"))
        measure(n_genomes, n_families, arguments.seconds)


if __name__ == "__main__":
    main()
