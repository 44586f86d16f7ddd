# %% [markdown]
# # Does it transfer?
#
# The paper states that input and output adapters transfer better than LoRA. We test this on small models. Most are
# trained for the study: for every seed, a source, and targets with different weights. Those of molecules are
# pretrained. This page reads the records of the full runs.
#
# In every study, each method has one number: the share of the gain that its copied adapter keeps on related targets,
# where 1 is the gain of a LoRA trained on the target. "Better" and "worse" are comparisons with the copied LoRA at the
# 5 % level, corrected over all studies; "no difference" means that, at the same level, the difference is below 0.1.

# %%
import matplotlib.pyplot as plt

from toys.common.style import METHODS
from toys.page.transfer import kept
from toys.transfer.protocol import names, protocol
from toys.transfer.records import cases, recorded
from toys.transfer.study import NONE
from toys.transfer.verdicts import endpoint

lines = kept()
for title, dots in lines:
    print(title)
    print("   ", ", ".join(f"{dot.name} {dot.share:.2f} {dot.word}".strip() for dot in dots))

# %% [markdown]
# ## The picture

# %%
COLOURS = {**METHODS, "residual": "#AA4499"}
MARKS = {"lora": "o", "input": "s", "output": "^", "residual": "D"}
figure, axes = plt.subplots(figsize=(8, 0.7 * len(lines) + 1))
drawn = set()
for k, (_, dots) in enumerate(lines):
    for i, dot in enumerate(dots):
        at, colour = k + 0.18 * (i - (len(dots) - 1) / 2), COLOURS[dot.kind]
        axes.plot([dot.low, dot.high], [at, at], color=colour, lw=1)
        axes.plot(dot.share, at, MARKS[dot.kind], color=colour, label=None if dot.kind in drawn else dot.name)
        drawn.add(dot.kind)
axes.axvline(0, color="0.8", lw=1, zorder=0)
axes.axvline(1, color="0.6", lw=1, ls="--", zorder=0)
axes.set_yticks(range(len(lines)), [title for title, _ in lines], size=7, wrap=True)
axes.invert_yaxis()
axes.set(xlim=(-0.3, 1.4), xlabel="share of the gain kept on related models, with 95 % intervals")
figure.legend(ncols=4, loc="outside upper center", frameon=False)
figure.tight_layout(rect=(0, 0, 1, 0.94))
plt.show()

# %% [markdown]
# ## Exact cases
#
# According to Props. 4 and 5, adapters transfer without any loss to a target with the same function but different
# weights, if they are on the side where the two models have the same features. This is a theorem and does not depend on
# seeds; the runs only confirm it.

# %% [markdown]
# ## Checks of this page

# %%
for name in names():
    if (record := recorded(name)) is None:
        continue
    for rows in (one["rows"] for one in cases(record).values()):
        for target, method in protocol(name).exact.items():
            off = max(abs(a - b) for a, b in zip(rows[method][target], rows[method]["source"], strict=True))
            gain = max(abs(a - b) for a, b in zip(rows[method]["source"], rows[NONE]["source"], strict=True))
            assert off < 0.01 * gain, "cases that are exact by the theorem are exact in the runs"
assert {str(one.verdict) for one in endpoint.decided()} >= {"better", "worse"}, "it depends on the study"
print("All of it holds.")
