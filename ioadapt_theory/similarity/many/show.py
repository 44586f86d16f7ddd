"""A tree of models as text, JSON and a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ioadapt_theory import drawing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ioadapt_theory.similarity.many.distances import Distances
    from ioadapt_theory.similarity.many.tree import Node


def to_text(nodes: Sequence[Node]) -> str:
    """Each family as an indented tree: distance from the parent over its norm, and what the norms say of direction."""
    children: dict[int | None, list[int]] = {}
    for i, node in enumerate(nodes):
        children.setdefault(node.parent, []).append(i)
    lines = []

    def show(i: int) -> None:
        stack = [(i, "", "")]
        while stack:
            at, before, lead = stack.pop()
            node = nodes[at]
            lines.append(f"{before}{node.name}{'' if node.parent is None else f'  {_told(node)}'}")
            below = sorted(children.get(at, []), key=lambda k: nodes[k].distance)
            for k, child in reversed(list(enumerate(below))):
                last = k == len(below) - 1
                stack.append((child, lead + ("└ " if last else "├ "), lead + ("  " if last else "│ ")))

    for root in children.get(None, []):
        show(root)
    roots = len(children.get(None, []))
    head = (
        f"{len(nodes)} models in {roots} famil{'y' if roots == 1 else 'ies'}; distance from the parent over its norm."
    )
    more = "Which end of an edge is the parent is told by norms, which grow with training and shrink with weight decay."
    return "\n".join([head, more, "", *lines]) + "\n"


def _told(node: Node) -> str:
    doubt = "" if node.evidence > 0.2 else ", same" if not node.distance else ", direction open"
    return f"{node.distance:.3g}{'' if node.exact else ' by sketches'}{doubt}"


def to_json(nodes: Sequence[Node]) -> dict[str, Any]:
    """A line a model."""
    names = [node.name for node in nodes]
    return {
        "schema": 1,
        "models": [
            {
                "name": node.name,
                "parent": None if node.parent is None else names[node.parent],
                "distance": node.distance,
                "evidence": node.evidence,
                "exact": node.exact,
                "next": None if node.next is None else {"name": names[node.next[0]], "distance": node.next[1]},
            }
            for node in nodes
        ],
    }


def save_dendrogram(found: Distances, path: Path) -> None:
    """Draw who is near whom: average linkage over the angles between models.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with drawing.styled({"font.size": 8, "svg.hashsalt": "ioadapt-theory", "text.parse_math": False}):
        from matplotlib.figure import Figure
        from scipy.cluster import hierarchy
        from scipy.spatial.distance import squareform

        angles = np.degrees(np.arccos(np.clip(found.cosine, -1, 1)))
        np.fill_diagonal(angles, 0)
        links = hierarchy.linkage(squareform((angles + angles.T) / 2, checks=False), "average")
        figure = Figure(figsize=(7, 1.2 + 0.18 * len(found.names)), layout="constrained")
        axes = figure.add_subplot()
        hierarchy.dendrogram(
            links, labels=[name[-32:] for name in found.names], orientation="left", ax=axes, color_threshold=0
        )
        axes.set_xlabel("angle between weights, degrees")
        axes.spines[["top", "right", "left"]].set_visible(False)
        kind = path.suffix.lower().removeprefix(".")
        metadata = {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}[kind]
        figure.savefig(path, format=kind, metadata=metadata)
