# %% [markdown]
# # How far apart are two checkpoints?
#
# Fig. 2 of the paper shows mean cosines between the weights of Stable Diffusion and its variants. Here the same
# comparison is made for networks shipped with a Python package, so nothing is downloaded. ANI-1x is an ensemble of
# eight networks for the energy of molecules, each trained from a different random start. Each network of ANI-1ccx was
# fine-tuned from one of them on better data. So one of the pairs below is related, and the other pairs share only the
# task.

# %%
import matplotlib.pyplot as plt

from ioadapt_theory.checkpoints import open_checkpoint
from ioadapt_theory.similarity import Space, compare
from ioadapt_theory.similarity.report.plots import profile, two_maps
from toys.common.style import styled

models = [open_checkpoint(name) for name in ("ani-1x:0", "ani-1ccx:0", "ani-1x:1")]
weights = compare(*models)
print(weights)
RELATED, UNRELATED = (0, 1), (0, 2)

# %% [markdown]
# The mean cosine of the unrelated networks is not zero, because biases have a common mean, which contributes to the
# cosine; that of their weights is.

# %%
with styled():
    figure, panels = plt.subplots(1, 2, figsize=(7, 3))
    two_maps(panels, weights)
plt.show()

# %% [markdown]
# ## The lowest fifth, and all layers
#
# Panel (a) averages the fifth of the layers with the lowest cosine, so its values are lower by construction, and it
# hides where these layers are. A plot of every layer shows that fine-tuning left two layers of every element's network
# unchanged, to the last bit, and hardly changed any bias. The other weights changed a lot.

# %%
with styled():
    figure, panel = plt.subplots(figsize=(7, 3))
    profile(panel, weights)
    panel.legend(loc="lower left", markerscale=3)
plt.show()
cosine = {row.name: row.values[RELATED].cosine for row in weights.rows}
frozen = [name for name, value in cosine.items() if value == 1 and name.endswith("weight")]
print("untouched:", ", ".join(frozen))

# %% [markdown]
# ## Input and output spaces
#
# The effect of an input adapter T depends on W only through the Gram matrix W Wᵀ, and the effect of an output adapter
# only through Wᵀ W. The Gram matrices of the same layers are compared here, after subtracting the multiple of the
# identity that the Gram matrix of every wide random matrix contains.

# %%
by_space = {space: compare(*models, space=space) for space in Space}
shared = set.intersection(*({row.name for row in c.rows} for c in by_space.values()))
means = {
    space: {pair: c.mean(pair, lambda row: row.name in shared).mean for pair in c.pairs}
    for space, c in by_space.items()
}
for space, found in means.items():
    print(f"{space:<8} related {found[RELATED]:.3f}   unrelated {found[UNRELATED]:+.3f}")

# %% [markdown]
# Independently trained networks have unrelated weights and unrelated output spaces. The input spaces of their first
# layers are similar, because these read the same features of atoms; those of all other layers are not. The paper's
# argument relies on such a similarity, but the paper does not measure it. This is only one family of networks, and
# similar spaces do not imply transfer.

# %% [markdown]
# ## Will an adapter work on the other model?
#
# Weights alone do not determine what share of its gain an adapter keeps. `report` predicts it from unlabelled inputs:
# `ioadapt report ADAPTER ani-1x:0 ani-1ccx:0 --inputs BATCH`, or as in the notebook about adapters on your own model.

# %% [markdown]
# ## Checks of this page

# %%
related = weights.mean(RELATED).mean
assert related > 0.9
assert weights.lowest(RELATED).mean < 0.7
assert abs(weights.mean(UNRELATED, lambda row: row.name.endswith("weight")).mean) < 0.05
assert {name.split(".")[1] for name in frozen} == {"1", "3"}
assert len(frozen) == 8
assert all(value > 0.999 for name, value in cosine.items() if name.endswith("bias"))
assert abs(means[Space.WEIGHT][UNRELATED]) < 0.05
assert abs(means[Space.OUTPUT][UNRELATED]) < 0.1
assert means[Space.INPUT][UNRELATED] > 0.2
