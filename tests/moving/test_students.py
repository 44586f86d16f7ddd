"""Students are built from a teacher's blocks in any order: no layer silently gets another layer's adapter."""

import copy
import random
import warnings

import pytest
import torch
from torch import nn

from ioadapt_theory import adapt, layers, load, save, transfer
from ioadapt_theory.adapters import NoProvenanceError, RenumberedWarning
from ioadapt_theory.moving import TransferError

NEW = -1
"""Marks a block that is inserted instead of taken from the teacher."""


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj, self.o_proj = nn.Linear(12, 20), nn.Linear(20, 12, bias=False)


def stack(depth: int) -> nn.ModuleDict:
    return nn.ModuleDict({"layers": nn.ModuleList(Block() for _ in range(depth)), "head": nn.Linear(12, 9)})


def order(rng: random.Random, depth: int) -> list[int]:
    """Return the teacher's blocks for a student: unchanged, shuffled, repeated, pruned or with a new block."""
    blocks = [*range(depth)]
    put_in = rng.randrange(depth)
    return rng.choice(
        [
            blocks,
            rng.sample(blocks, depth),
            rng.choices(blocks, k=depth),
            sorted(rng.sample(blocks, rng.randint(1, depth - 1))),
            blocks[:-1] + blocks[1:],
            [*blocks[:put_in], NEW, *blocks[put_in:]],
        ]
    )


def student(teacher: nn.Module, blocks: list[int], outputs: list[int], noise: float) -> nn.Module:
    """Return a student with the teacher's ``blocks``, but the o_proj layers of the blocks ``outputs``, plus noise."""
    new = copy.deepcopy(teacher)
    new["layers"] = nn.ModuleList(Block() if i == NEW else copy.deepcopy(teacher["layers"][i]) for i in blocks)
    for block, i in zip(new["layers"], outputs, strict=True):
        block.o_proj = nn.Linear(20, 12, bias=False) if i == NEW else copy.deepcopy(teacher["layers"][i].o_proj)
    with torch.no_grad():
        for p in new.parameters():
            p.add_(noise * p.std() * torch.randn_like(p))
    return new


def sources(model: nn.Module, trained: nn.Module) -> dict[str, str]:
    """Map each adapted layer of a model to the layer of ``trained`` whose adapter it has."""
    numbers = {n: layer.adapters["default"]["input"].A for n, layer in layers(trained).items()}
    return {
        n: next(o for o, a in numbers.items() if torch.equal(a, layer.adapters["default"]["input"].A))
        for n, layer in layers(model).items()
    }


def origin(name: str, blocks: list[int], outputs: list[int]) -> str:
    number, kind = name.split(".")[1:]
    return f"layers.{(outputs if kind == 'o_proj' else blocks)[int(number)]}.{kind}"


@pytest.mark.parametrize("seed", range(64))
def test_every_wrong_layer_of_a_random_student_is_told(seed, tmp_path):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    depth, noise = rng.randint(3, 6), rng.choice([0, 0, 0.1, 0.3, 1.0, 3.0])
    targets = rng.choice([["o_proj"], ["q_proj"], ["q_proj", "o_proj"]])
    teacher = stack(depth)
    blocks = order(rng, depth)
    outputs = rng.choices(range(depth), k=len(blocks)) if seed % 4 == 0 else blocks
    made = student(teacher, blocks, outputs, noise)
    adapt(teacher, target_modules=targets, placement="input", rank=2, init="random")
    save(teacher, tmp_path)
    for match in ("name", "provenance", "auto"):
        for strict in (True, seed % 2 == 0):
            for way in ("transfer", "load"):
                target = copy.deepcopy(made)
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    try:
                        if way == "transfer":
                            report = transfer(teacher, target, match=match, strict=strict)
                        else:
                            report = load(target, tmp_path, match=match, strict=strict, source=teacher)
                    except (TransferError, NoProvenanceError):
                        assert not layers(target)
                        continue
                wrong = {n for n, old in sources(target, teacher).items() if old != origin(n, blocks, outputs)}
                silent = wrong - {*report.unproven, *report.with_block}
                assert not silent or (not strict and told and told[0].category is RenumberedWarning), (way, match)
                assert bool(report.unproven) == ("by name without evidence" in str(report))
                if match == "provenance":
                    assert wrong <= {*report.with_block}
                    if noise <= 0.3 and blocks is outputs:  # every block is derived from one block of the teacher
                        expected = {f"layers.{i}.{t}" for i, old in enumerate(blocks) if old != NEW for t in targets}
                        assert {*report.matched} == expected
