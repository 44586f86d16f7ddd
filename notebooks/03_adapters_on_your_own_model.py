# %% [markdown]
# # Adapters on your own model
#
# Your own model can be any `nn.Module` with linear layers or convolutions. This page adapts one, trains the adapter,
# saves it, loads it on another model, and ends with plain weights. The model is small, so that each step takes seconds;
# the calls are the same for a large one.

# %%
import copy
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ioadapt_theory import adapt, count, disable, layers, load, merge, save, transfer, unmerge
from ioadapt_theory.reporting import report
from toys.common.style import styled

torch.manual_seed(0)


def bars(n: int, *, upright: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return n images of a horizontal or vertical bar, and the position of each bar, 0 to 7."""
    place = torch.randint(8, (n,))
    images = 0.3 * torch.randn(n, 1, 8, 8)
    images[torch.arange(n), 0, place] += 1
    return (images.transpose(2, 3) if upright else images), place


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.body = nn.Sequential(nn.Linear(16 * 64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.head = nn.Linear(32, 8)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.stem(images).flatten(1)))


def train(model: nn.Module, steps: int, *, upright: bool, rate: float = 3e-3) -> None:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)
    for _ in range(steps):
        images, place = bars(64, upright=upright)
        cross_entropy(model(images), place).backward()
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def right(model: nn.Module, *, upright: bool) -> float:
    images, place = bars(1000, upright=upright)
    return float((model(images).argmax(1) == place).float().mean())


base = Net()
train(base, 150, upright=False)
print(f"accuracy: horizontal bars {right(base, upright=False):.0%}, vertical bars {right(base, upright=True):.0%}")

# %% [markdown]
# ## Add an adapter
#
# `adapt` freezes the model and adds an adapter to the layers that you select by the ends of their names, a regular
# expression, or `"all-linear"`. A name without a match raises an error that lists the available layers. The model keeps
# its class and its forward pass.

# %%
model = adapt(copy.deepcopy(base), target_modules=["body.0", "body.2"], family="lora", placement="input", rank=4)
print(f"{count(model)} trainable parameters in {', '.join(layers(model))}")
print(model.body[0])

# %% [markdown]
# A new adapter does not change the outputs. Then train as usual: only the adapter's parameters require gradients.

# %%
images, _ = bars(4, upright=True)
unchanged = torch.equal(model(images), base(images))
train(model, 200, upright=True)
learned = right(model, upright=True)
with disable(model):
    without = right(model, upright=False)
print(f"accuracy: vertical bars {learned:.0%}; horizontal bars without the adapter {without:.0%}")

# %% [markdown]
# ## Save it
#
# `save` writes one file.

# %%
folder = Path(tempfile.mkdtemp())
save(model, folder)
print(*(path.name for path in sorted(folder.iterdir())))

# %% [markdown]
# ## Move it to another model
#
# The other model here is the first model after further training on horizontal bars; its weights have changed slightly.
# `load` adds a saved adapter to a model; `transfer` adds the adapter of another model in memory. `report` predicts the
# result.

# %%
other = copy.deepcopy(base)
train(other, 100, upright=False, rate=1e-3)
print(report(model, other, inputs=bars(256, upright=True)[0], need="labels"))
moved = load(other, folder)
print(moved)
there = right(other, upright=True)
print(f"vertical bars on the other model: {there:.0%}")

stranger = Net()
train(stranger, 150, upright=False)
transfer(model, stranger)
apart = right(stranger, upright=True)
print(f"vertical bars on an independently trained model: {apart:.0%}")

# %%
with styled():
    figure, axes = plt.subplots(figsize=(5, 2))
    axes.barh(["independent model", "base trained further", "base"], [apart, there, learned])
    axes.axvline(1 / 8, color="black", lw=1)
    axes.set(xlim=(0, 1), xlabel="accuracy on vertical bars (line: chance)")
plt.show()

# %% [markdown]
# ## Plain weights
#
# `merge` writes the adapter into the weights, `unmerge` restores the old weights bit for bit, and
# `merge(model, unload=True)` returns a model without adapters.

# %%
with torch.no_grad():
    expected = model(images)
    merge(model)
    merged = model(images)
    unmerge(model)
plain = merge(copy.deepcopy(model), unload=True)
print(
    type(plain.body[0]).__name__, "again; the outputs differ by", f"{float((plain(images) - expected).abs().max()):.0e}"
)

# %% [markdown]
# ## Checks of this page

# %%
assert unchanged, "a fresh adapter changes nothing"
assert learned > 0.9 > 0.4 > right(base, upright=True), "it learned what the base could not"
assert without > 0.95, "the base is unchanged"
assert {path.name for path in folder.iterdir()} == {"ioadapt.safetensors"}
assert not moved.unmatched, "every layer was found"
assert there > 0.8 > apart, "it works on the related model, and not on the unrelated one"
assert torch.allclose(merged, expected, atol=1e-4), "merging changes nothing"
assert torch.equal(model.body[0].base_layer.weight, base.body[0].weight), "unmerging is exact"
assert not layers(plain), "the last model has no adapters"
print("All of it holds.")
