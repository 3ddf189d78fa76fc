"""Makes the example data: a random tree of 40 genomes and about 3,000 gene families that evolved on it.

    python examples/simulate.py [FOLDER]

Everything here is simulated. The seed is fixed and only uniform numbers are drawn, so the files come out the same,
byte for byte, wherever NumPy runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

SEED = 20240607
N_TIPS = 40
N_DRAWN = 3700  # families drawn; those that no genome carries are removed, as a pangenome tool never sees them
GAIN, LOSS = 0.05, 0.4  # per unit of branch length
BIRTH = 1.0

Node = tuple[str, float, list["Node"]]  # name, length of the branch above, children


def exponential(rng: np.random.Generator, rate: float) -> float:
    """Draws a waiting time by inverting its distribution function."""
    return -float(np.log1p(-rng.random())) / rate


def draw_tree(rng: np.random.Generator) -> Node:
    """Draws a pure-birth tree of `N_TIPS` tips, backwards: pairs of lineages merge, then lengths lose their clock."""
    lineages: list[tuple[float, Node]] = [(0.0, ("", 0.0, [])) for _ in range(N_TIPS)]
    time = 0.0
    while len(lineages) > 1:
        time += exponential(rng, BIRTH * len(lineages))
        pair = []
        for _ in range(2):
            born, (name, _, children) = lineages.pop(int(rng.random() * len(lineages)))
            length = round((time - born) * (0.5 + rng.random()), 6)
            pair.append((name, length, children))
        lineages.append((time, ("", 0.0, pair)))
    return lineages[0][1]


def name_tips(tree: Node) -> tuple[Node, list[str]]:
    """Names the tips in the order of the tree."""
    names: list[str] = []

    def named(node: Node) -> Node:
        name, length, children = node
        if not children:
            name = f"genome_{len(names) + 1:02d}"
            names.append(name)
        return name, length, [named(child) for child in children]

    return named(tree), names


def newick(node: Node, *, is_root: bool = True) -> str:
    """Returns the tree as text."""
    name, length, children = node
    inner = f"({','.join(newick(child, is_root=False) for child in children)})" if children else ""
    return f"{inner}{name};" if is_root else f"{inner}{name}:{length:.6f}"


def evolve(rng: np.random.Generator, node: Node, state: np.ndarray, tips: list[np.ndarray]) -> None:
    """Draws the states at the lower end of each branch from those at its upper end."""
    _, length, children = node
    changed = -np.expm1(-(GAIN + LOSS) * length) / (GAIN + LOSS)
    draw = rng.random(state.size)
    state = np.where(state, draw >= LOSS * changed, draw < GAIN * changed)
    if not children:
        tips.append(state)
    for child in children:
        evolve(rng, child, state, tips)


def main(folder: Path) -> None:
    """Writes the tree and the table into `folder`."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    tree, names = name_tips(draw_tree(rng))
    tips: list[np.ndarray] = []
    evolve(rng, tree, rng.random(N_DRAWN) < GAIN / (GAIN + LOSS), tips)
    table = np.array(tips)
    table = table[:, table.any(axis=0)]

    lines = ["\t".join(["Gene", *names])]
    for number, column in enumerate(table.T, start=1):
        lines.append("\t".join([f"group_{number:04d}", *("1" if cell else "0" for cell in column)]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "simulated_tree.nwk").write_bytes(f"{newick(tree)}\n".encode())
    (folder / "simulated_genes.Rtab").write_bytes(("\n".join(lines) + "\n").encode())
    print(f"{len(names)} genomes, {table.shape[1]} of {N_DRAWN} families seen, in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
