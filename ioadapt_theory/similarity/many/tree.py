"""Which model is made from which: the shortest tree over the distances, rooted where norms say that it began.

A fine-tuned model is its parent plus a change of its own, at right angles to what came before as in high dimension it
nearly is. So distances add up along a line of descent as squares, the shortest spanning tree has the edges of the
family tree, and ‖child‖² = ‖parent‖² + ‖child - parent‖² tells which end of an edge is the parent. One edge may be
wrong about that (weight decay makes children smaller); the root is where most of the edges agree.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ioadapt_theory.similarity.many.distances import Distances

RELATED = 0.2
"""Cosine of the common weights from which two models are kin."""
NEAR = 0.02
"""Candidates are measured exactly that are at most this much farther than the nearest, by sketches."""
MOST = 12
"""Candidates of a model, at most."""
EQUAL = 1e-6
"""Distance over norm below which two models are the same."""

Exact = Callable[[int, int], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Node:
    """A model in the tree.

    Attributes:
        name: of it.
        parent: position of the model that it was made from; None for the first of a family.
        distance: ‖model - parent‖ / ‖parent‖ over what they have in common.
        evidence: how far norms tell parent from child: 1 as for a change at right angles, -1 for the reverse.
        exact: whether the distance is of the weights themselves, not of sketches.
        next: the second nearest model, and its distance; None where there is none.
    """

    name: str
    parent: int | None
    distance: float
    evidence: float
    exact: bool
    next: tuple[int, float] | None


def tree(found: Distances, exact: Exact | None = None) -> tuple[Node, ...]:
    """A tree for each family.

    Args:
        found: distances of all pairs.
        exact: measures a pair; used for the edges of the tree and for what is nearly as near.
    """
    measured: dict[tuple[int, int], bool] = {}
    if exact is not None:
        found = _recheck(found, exact, measured)
    relative = _relative(found)
    edges = shortest(relative)
    return tuple(_nodes(found, relative, edges, measured))


def shortest(relative: Float[np.ndarray, "n n"]) -> list[tuple[int, int]]:
    """Edges of the shortest spanning trees (Prim), from each family's first model outwards; inf is no edge."""
    n = len(relative)
    outside = np.ones(n, dtype=bool)
    best, via = np.full(n, np.inf), np.full(n, -1)
    edges = []
    for _ in range(n):
        new = int(np.argmin(np.where(outside, best, np.inf)))
        if not np.isfinite(best[new]) or not outside[new]:
            new = int(np.argmax(outside))  # a family of its own
        else:
            edges.append((int(via[new]), new))
        outside[new] = False
        nearer = outside & (relative[new] < best)
        best[nearer], via[nearer] = relative[new][nearer], new
    return edges


def _relative(found: Distances) -> Float[np.ndarray, "n n"]:
    """‖a - b‖ over the root of the two norms, inf between strangers and on the diagonal."""
    both = np.sqrt(found.norm * found.norm.T)
    relative = np.divide(found.distance, both, out=np.full_like(both, np.inf), where=both > 0)
    relative[(found.cosine < RELATED) | (found.common < 0.1)] = np.inf
    np.fill_diagonal(relative, np.inf)
    return relative


def _recheck(found: Distances, exact: Exact, measured: dict[tuple[int, int], bool]) -> Distances:
    """Distances with those of near pairs measured, until the tree has measured edges only."""
    distance, norm = found.distance.copy(), found.norm.copy()
    found = replace(found, distance=distance, norm=norm)
    for _ in range(len(found.names)):
        relative = _relative(found)
        edges = shortest(relative)
        near = {(min(i, j), max(i, j)) for i, j in edges}
        for i, j in edges:
            for end in (i, j):
                close = [
                    int(c) for c in np.argsort(relative[end])[:MOST] if relative[end, c] <= (1 + NEAR) * relative[i, j]
                ]
                near |= {(min(end, c), max(end, c)) for c in close}
        todo = sorted(near - measured.keys())
        if not todo:
            break
        for i, j in todo:
            distance[i, j], norm[i, j], norm[j, i] = exact(i, j)
            distance[j, i] = distance[i, j]
            measured[i, j] = True
    return found


def _nodes(
    found: Distances,
    relative: Float[np.ndarray, "n n"],
    edges: list[tuple[int, int]],
    measured: dict[tuple[int, int], bool],
) -> list[Node]:
    beside: dict[int, list[int]] = {i: [] for i in range(len(found.names))}
    for i, j in edges:
        beside[i].append(j)
        beside[j].append(i)
    parents = _parents(found, beside)
    nodes = []
    for i, name in enumerate(found.names):
        parent = parents[i]
        others = [int(j) for j in np.argsort(relative[i])[:3] if j != parent and np.isfinite(relative[i, j])]
        second = (others[0], float(found.distance[i, others[0]] / found.norm[others[0], i])) if others else None
        if parent is None:
            nodes.append(Node(name, None, 0.0, 0.0, False, second))
            continue
        far = float(found.distance[parent, i] / found.norm[parent, i])
        told = evidence(found, parent, i)
        nodes.append(Node(name, parent, far, told, (min(i, parent), max(i, parent)) in measured, second))
    return nodes


def evidence(found: Distances, i: int, j: int) -> float:
    """(‖j‖² - ‖i‖²) / ‖i - j‖², in [-1, 1]: 1 where j is i and a change at right angles; 0 for equal models."""
    square = found.distance[i, j] ** 2
    if found.distance[i, j] <= EQUAL * found.norm[i, j]:
        return 0.0
    return float(np.clip((found.norm[j, i] ** 2 - found.norm[i, j] ** 2) / square, -1, 1))


def _parents(found: Distances, beside: dict[int, list[int]]) -> list[int | None]:
    """Every family rooted where the evidence of its edges, all pointing away from the root, sums to most."""
    parents: list[int | None] = [None] * len(beside)
    seen: set[int] = set()
    for start in beside:
        if start in seen:
            continue
        score, order = {start: 0.0}, [start]
        for i in order:  # the score of a root, less that of ``start``: an edge on the way turns round
            for j in beside[i]:
                if j not in score:
                    score[j] = score[i] - 2 * evidence(found, i, j)
                    order.append(j)
        seen |= score.keys()
        root = max(order, key=lambda i: score[i])
        walk = [root]
        for i in walk:
            for j in beside[i]:
                if j != parents[i]:
                    parents[j] = i
                    walk.append(j)
    return parents
