"""Texts of a causal language model are labels: the share that is kept is measured on them."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ioadapt_theory import adapt, parameters, transfer
from ioadapt_theory.adapters import disable

transformers = pytest.importorskip("transformers")
LENGTH, CLASSES = 12, 24


def llama(seed: int) -> Any:
    torch.manual_seed(seed)
    sizes: Any = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.LlamaConfig(vocab_size=CLASSES, use_cache=False, **sizes)
    return transformers.LlamaForCausalLM(config).eval()


def texts(count: int, seed: int) -> Tensor:
    """Return rows that mostly count upwards."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(CLASSES, (count, 1), generator=generator)
    jump = (torch.rand(count, LENGTH, generator=generator) < 0.2) * 5
    return (start + torch.arange(LENGTH) + jump.cumsum(1)) % CLASSES


def loss(model: Any, ids: Tensor) -> float:
    with torch.no_grad():
        logits = model(ids).logits[:, :-1].double()
    return float(cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()))


def trained(seed: int = 0) -> Any:
    model = adapt(llama(seed), target_modules=["q_proj", "down_proj", "lm_head"], placement="weight", rank=8)
    optimiser = torch.optim.Adam([p for _, p in parameters(model)], lr=0.03)
    for step in range(40):
        ids = texts(32, 100 + step)
        optimiser.zero_grad()
        cross_entropy(model(ids).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimiser.step()
    return model


@pytest.mark.parametrize("mapping", [False, True])
def test_the_share_is_measured_on_the_next_tokens(mapping: bool) -> None:
    source, target = trained(), llama(0)
    with torch.no_grad():
        for p in target.parameters():
            p.add_(0.004 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    ids = texts(64, 0)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)} if mapping else ids
    with disable(source):
        gain = loss(source, ids)
    gain, before = gain - loss(source, ids), loss(target, ids)
    outcome: Any = transfer(source, target, inputs=inputs, starts=("copy",), steps=0)
    assert outcome.prediction.told
    assert not source._forward_hooks
    assert outcome.kept == pytest.approx((before - loss(target, ids)) / gain, abs=1e-4)
    assert "measured on the next tokens" in str(outcome)


def test_rows_of_another_domain_are_no_labels() -> None:
    source, target = trained(), llama(0)
    ids = torch.randint(CLASSES, (64, LENGTH), generator=torch.Generator().manual_seed(0))
    outcome: Any = transfer(source, target, inputs=ids, starts=("copy",), steps=0)
    assert not outcome.prediction.told
    assert outcome.kept == pytest.approx(1, abs=1e-4)  # the target is the plain source


def test_a_model_that_reads_both_ways_has_no_next_tokens() -> None:
    from ioadapt_theory.effect.likelihood import tokens

    sizes: Any = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = texts(2, 0)
    masked = transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=CLASSES, **sizes))
    assert tokens(masked, {"input_ids": ids}) is None
    assert tokens(torch.nn.Linear(LENGTH, 2), ids.float()) is None
    found = tokens(copy.deepcopy(llama(0)), (ids,))
    assert found is not None
    assert found[1].all()


@pytest.mark.parametrize("call", [lambda m, x: m(x, return_dict=False)[0], lambda m, x: m(x, logits_to_keep=4).logits])
def test_results_without_the_logits_of_all_tokens_are_predicted(call: Any) -> None:
    outcome: Any = transfer(
        trained(), llama(0), inputs=texts(32, 0), call=call, need="labels", starts=("copy",), steps=0
    )
    assert not outcome.prediction.told
