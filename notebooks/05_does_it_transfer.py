# %% [markdown]
# # Does it transfer?
#
# The paper says that input and output adapters transfer better than LoRA. Here that is asked of models small enough
# to train many of: for every seed a source, and targets with other weights. What is run, and by which rule it is
# judged, was written down before it ran (`toys/transfer/protocol.toml`). This page reads the recorded full runs; each
# says which command made it.
#
# A method is better or worse than LoRA that is copied as it is where the interval over seeds, corrected for all cells
# of the table, says so; no difference where it is within a margin that was fixed before; else inconclusive. A method is
# better by the rule if it is better on most related targets, by more than it was better on the source itself.

# %%
from io import BytesIO

from IPython.display import Image, display

from toys.common.style import styled
from toys.transfer.command import recorded
from toys.transfer.output import page, picture, screen
from toys.transfer.protocol import names, protocol
from toys.transfer.study import NONE
from toys.transfer.verdicts.judge import Verdict, cases, verdicts

records = {name: one for name in names() if (one := recorded(name)) is not None}
for name in names():
    told = page.headline(protocol(name), records[name]) if name in records else "its full run is not recorded yet"
    print(f"{name} ({protocol(name).command}): {told}")

# %% [markdown]
# ## The pictures

# %%
for name, result in records.items():
    with styled():
        picture.draw(protocol(name), result, page.headline(protocol(name), result)).savefig(drawn := BytesIO())
    display(Image(drawn.getvalue(), format="png"))

# %% [markdown]
# ## How sure that is
#
# Each line is one method on all related targets: the difference from LoRA with its interval, and the smallest
# difference that so many seeds would have found. A toy is not a diffusion model; what it can do is to say whether the
# argument alone, without anything else, brings the advantage.

# %%
for name, result in records.items():
    print(screen.text(protocol(name), result, page.seeds(result)))

# %% [markdown]
# ## What is exact
#
# On a target that computes the same function with other weights, one side moves without any loss, as the paper's
# Props. 4 and 5 say: it is the side that faces what the two models share. That is a theorem and not a matter of
# seeds; the runs only show that nothing is wrong with them.

# %% [markdown]
# ## What this page said, checked

# %%
for name, result in records.items():
    plan = protocol(name)
    said = verdicts(result, page.comparisons(plan, result))
    assert set(said.values()) <= {*Verdict}, "every method has a verdict by the rule"
    for rows in (one["rows"] for one in cases(result).values()):
        for target, method in plan.exact.items():
            off = max(abs(a - b) for a, b in zip(rows[method][target], rows[method]["source"], strict=True))
            gain = max(abs(a - b) for a, b in zip(rows[method]["source"], rows[NONE]["source"], strict=True))
            assert off < 0.01 * gain, "what is exact by the theorem is exact in the runs"
print("All of it holds.")
