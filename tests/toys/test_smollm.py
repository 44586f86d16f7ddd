"""The study of SmolLM2: targets, texts, methods of equal size, and shares, on a tiny Llama without the weights."""

import copy
import signal
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from ioadapt_theory.adapters import adapt, count, parameters, scale
from ioadapt_theory.errors import InvalidValueError
from toys.common.stats import ratio
from toys.data.weights import MissingPackageError
from toys.llm import output, study, targets, text, training
from toys.llm.network import plain, smollm2
from toys.llm.study import CARRIED, METHODS, NONE, RETRAINED, SOURCE, Part
from toys.llm.training import losses, train
from toys.smollm import main, phases


@pytest.fixture
def llama() -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 4, "head_dim": 8}
    heads = {"num_attention_heads": 6, "num_key_value_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=99, tie_word_embeddings=False, **sizes, **heads))
    return model.eval().requires_grad_(requires_grad=False)


def test_the_same_function_has_other_weights(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    there, rows = targets.same_function(copy.deepcopy(llama), 0), torch.randint(99, (2, 7))
    with torch.no_grad():
        torch.testing.assert_close(there(rows).logits, llama(rows).logits, atol=1e-5, rtol=1e-4)
    monkeypatch.setattr(targets, "smollm2", lambda: llama)
    assert targets.weight_cosine(there) < 0.6
    assert targets.weight_cosine(llama) == pytest.approx(1)
    assert targets.weight_cosine(targets.shortened((1,), copy.deepcopy(llama), 0)) is None
    assert targets.weight_cosine(targets.narrowed(0.5, copy.deepcopy(llama), 0)) is None


def test_weights_are_rounded_and_pruned(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "GROUP", 16)
    w = targets.rounded(2, copy.deepcopy(llama), 0).model.layers[0].mlp.up_proj.weight.unflatten(1, (-1, 16))
    assert max(len(group.unique()) for group in w.flatten(0, 1)) == 4
    zeros = targets.pruned(0.25, copy.deepcopy(llama), 0).model.layers[1].self_attn.q_proj.weight == 0
    assert float(zeros.float().mean()) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("row", [study.THESEUS, study.BICO, study.MAPPED])
def test_maps_of_features_move_a_lora_where_a_copy_fails(
    row: str, llama: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = torch.randint(99, (24, 9))
    monkeypatch.setattr(study, "rows", lambda *_: drawn)
    source = adapt(copy.deepcopy(llama), target_modules=r".*\.(q|v)_proj", placement="weight", rank=2, init="random")
    lost = []
    for there in (targets.same_function(copy.deepcopy(llama), 0), targets.same_function(copy.deepcopy(llama), 0)):
        Part("same function", "LoRA" if not lost else row, "t")._moved(tmp_path, source, there)
        with torch.no_grad():
            plain, whole, moved = (m(drawn).logits for m in (llama, source, there))
        lost.append(float((moved - whole).norm() / (whole - plain).norm()))
    assert lost[0] > 0.5 > 0.02 > lost[1]


def test_neurons_that_matter_least_are_removed(llama: Any) -> None:
    mlp, rows = llama.model.layers[1].mlp, torch.randint(99, (2, 7))
    mlp.up_proj.weight.data[[3, 5, 9, 60]] *= 1e-6
    with torch.no_grad():
        before = mlp(torch.ones(1, 48))
        there = targets.narrowed(4 / 64, llama, 0)
        torch.testing.assert_close(there.model.layers[1].mlp(torch.ones(1, 48)), before, atol=1e-5, rtol=1e-4)
    assert [*mlp.down_proj.weight.shape, mlp.gate_proj.out_features] == [48, 60, 60]
    assert len(losses(there, rows)) == 2


def test_a_trained_target_is_stored_and_merged(llama: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, own = torch.randint(99, (8, 9)), copy.deepcopy(llama)
    monkeypatch.setattr(targets, "smollm2", lambda: own)
    monkeypatch.setattr(targets, "rows", lambda *_: drawn)
    cut = partial(targets.narrowed, 0.5)
    both = {"tuned": targets.Target(cut, steps=2), "merged": targets.Target(cut, steps=2, weight=0.5)}
    monkeypatch.setattr(targets, "TARGETS", both)
    first, merged = (targets.target(name, 0, tmp_path).state_dict() for name in both)
    llama = cut(llama, 0)
    for name, p in llama.state_dict().items():
        torch.testing.assert_close(merged[name].float(), (p.float() + first[name].float()) / 2, atol=2e-3, rtol=0)
    assert not torch.allclose(first["lm_head.weight"].float(), llama.lm_head.weight.float(), rtol=0.05)
    monkeypatch.setattr(targets, "train", None)  # the second time, weights are read
    again = targets.target("tuned", 0, tmp_path).state_dict()
    assert all(torch.equal(again[name], p) for name, p in first.items())


def test_a_copy_is_scaled_to_its_best_strength(llama: Any) -> None:
    drawn = torch.arange(40).reshape(4, 10)
    model = adapt(llama, target_modules=["q_proj", "up_proj"], placement="weight", rank=4)
    train(model, [p for _, p in parameters(model)], drawn, 30, 1e-2, 0)
    least = sum(losses(model, drawn))
    scale(model, 0.5)
    assert study._scaled(model, drawn)["strength"] in {2.0, 3.0}
    assert sum(losses(model, drawn)) <= least * 1.001


def test_removed_blocks_leave_the_others_in_order(llama: Any) -> None:
    kept = [llama.model.layers[k].mlp.up_proj.weight for k in (0, 2, 3)]
    there = targets.shortened((1,), llama, 0)
    assert [b.self_attn.layer_idx for b in there.model.layers] == [0, 1, 2]
    assert all(b.mlp.up_proj.weight is w for b, w in zip(there.model.layers, kept, strict=True))
    assert len(losses(there, torch.randint(99, (3, 6)))) == 3


def test_a_training_goes_on_where_it_was_stopped(llama: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, store = torch.randint(99, (9, 6)), tmp_path / "kept.training"
    monkeypatch.setattr(training, "STORED", 3)

    def trained(*, mixed: bool, stop: int | None = None) -> torch.Tensor:
        model, steps = copy.deepcopy(llama).float(), iter(range(99))
        weight = model.lm_head.requires_grad_().weight
        if stop is not None:  # Ctrl-C in the forward pass of this step
            model.register_forward_pre_hook(
                lambda *_: None if next(steps) < stop else signal.raise_signal(signal.SIGINT)
            )
            with pytest.raises(KeyboardInterrupt):
                train(model, [weight], rows, 8, 1e-2, 0, mixed=mixed, store=store)
        else:
            train(model, [weight], rows, 8, 1e-2, 0, mixed=mixed, store=store)
        return weight

    for mixed in (False, True):
        whole = trained(mixed=mixed)
        trained(mixed=mixed, stop=7)
        assert store.exists()
        assert torch.equal(trained(mixed=mixed), whole)
        assert not store.exists()
    assert not torch.equal(whole, trained(mixed=False))


def test_training_lowers_the_loss_and_changes_only_what_is_trained(llama: Any) -> None:
    rows = torch.arange(40).reshape(4, 10)
    before, head = sum(losses(llama, rows)), llama.lm_head.requires_grad_().weight
    old = llama.model.embed_tokens.weight.clone()
    train(llama, [head], rows, 30, 1e-2, 0)
    assert sum(losses(llama, rows)) < 0.8 * before
    assert torch.equal(llama.model.embed_tokens.weight, old)
    again = plain(llama.config, llama.state_dict())
    assert losses(again, rows) == pytest.approx(losses(llama, rows))
    assert not any(p.requires_grad for p in again.parameters())


@pytest.mark.parametrize(("layers", "size"), [("q and v", 460_800), ("all", 2_442_240)])
def test_the_methods_have_about_as_many_parameters(layers: str, size: int) -> None:
    sizes = {"hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3, "num_hidden_layers": 30}
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(vocab_size=9, intermediate_size=1536, **sizes))
    numbers = {method: count(study.adapted(copy.deepcopy(model), method, layers, 0)) for method in METHODS}
    assert numbers["LoRA"] == numbers["LoRA on the first layers"] == size
    assert list(numbers.values()) == pytest.approx([size] * len(METHODS), rel=0.03)


def test_a_share_is_a_ratio_of_gains_with_a_jackknife() -> None:
    drawn = np.random.default_rng(0)
    own = drawn.normal(1, 0.1, 400)
    moved = 0.5 * own + drawn.normal(0, 0.1, 400)
    found = ratio(moved, own)
    assert found.mean == pytest.approx(moved.sum() / own.sum())
    residual = moved - found.mean * own  # the linearised variance of a ratio
    assert found.half_width == pytest.approx(1.966 * residual.std(ddof=1) / 20 / own.mean(), rel=0.01)
    assert ratio([1.0], [2.0]).mean == 0.5


def result(seeds: int) -> dict[str, Any]:
    def rows(*means: float) -> dict[str, Any]:
        names = (NONE, *METHODS, CARRIED, RETRAINED)
        found = {n: {"losses": [m - 0.1, m, m + 0.1]} for n, m in zip(names, means, strict=False)}
        found[NONE]["cosine"] = 0.5
        if CARRIED in found:
            found[CARRIED]["predicted"] = 0.7
        return found

    models = {
        SOURCE: rows(4, 3, 3, 2, 3),
        "3 bits": rows(5, 4.5, 5, 4, 5, 4.2, 3),
        "idle": rows(5, 5, 5, 5, 5, 5, 5),
    }
    return {"task": "t", "layers": "q and v", "seeds": {str(seed): models for seed in range(seeds)}}


def test_a_target_with_fewer_seeds_is_compared_with_the_source_of_the_same_seeds() -> None:
    every = result(3)
    every["seeds"]["2"] = {SOURCE: {**every["seeds"]["2"][SOURCE], "LoRA": {"losses": [9.0, 9.0, 9.0]}}}
    assert output.labelled(every, "3 bits") == "3 bits (2 seeds)"
    assert str(output.share(every, "3 bits", "LoRA")) == "0.50 ± 0.00"
    assert "| 3 bits (2 seeds) | 0.500 | 0.50 ± 0.00; 0.25 |" in output.markdown(every)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_the_table_has_both_shares_and_leaves_out_what_gains_nothing(seeds: int) -> None:
    assert output.targets(result(seeds)) == (["3 bits"], ["idle"])
    shown = output.markdown(result(seeds))
    assert f"({seeds} seed" in shown
    assert "| 3 bits | 0.500 | 0.50 ± 0.00; 0.25 | 0.00 ± 0.00; 0.00 | 0.50 ± 0.00; 0.50 |" in shown
    assert "| 3 bits | 0.50 ± 0.00 | 0.80 ± 0.00 (0.70) |" in shown
    assert "A LoRA trained there gains nothing on: idle." in shown
    assert output.difference(result(seeds), "3 bits", "output") == pytest.approx(-0.5)
    output.draw(result(seeds))


def test_a_difference_of_shares_is_paired_by_seed() -> None:
    def rows(plain: float, lora: float, given: float) -> dict[str, Any]:
        return {n: {"losses": [x, x]} for n, x in ((NONE, plain), ("LoRA", lora), ("input", given))}

    seeds = {
        "0": {SOURCE: rows(4, 3, 2), "t": rows(5, 4.5, 3.6)},  # of the own gain 0.5 and 0.7
        "1": {SOURCE: rows(4, 2, 3), "t": rows(5, 4.2, 4.2)},  # 0.4 and 0.8
    }
    assert output.difference({"seeds": seeds}, "t", "input") == pytest.approx([0.2, 0.4])


def test_parts_that_need_others_come_later() -> None:
    first, *later = phases(("3 bits", "8 bits"), 3, partial(Part, task="slavic"), fifty=False)
    assert {part.row for part in first if part.model != SOURCE} == {NONE}  # makes the target, once
    every = [(seed, model) for seed in range(3) for model in ("3 bits", "8 bits")]
    assert [(part.seed, part.model) for part in later[-1]] == every
    assert {part.row for part in later[-1]} == {study.ZERO}
    assert {(part.seed, part.model) for part in later[0]} == {*every}


def test_targets_that_are_trained_for_long_have_their_own_number_of_seeds() -> None:
    long, short = "tuned, 1,024,000 tokens", "tuned, 10,240 tokens"
    for number, expected in (
        (0, {short: {0, 1}}),
        (1, {short: {0, 1}, long: {0}}),
        (3, {short: {0, 1}, long: {0, 1, 2}}),
    ):
        found: dict[str, set[int]] = {}
        for part in (
            p for phase in phases((short, long), 2, partial(Part, task="t"), fifty=True, long=number) for p in phase
        ):
            found.setdefault(part.model, set()).add(part.seed)
        assert found.pop(SOURCE) == {*range(max(2, number))}
        assert found == expected


def test_a_target_that_is_named_is_run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Part] = []

    def run(todo: list[list[Part]], *_: Any) -> Any:
        found.extend(part for phase in todo for part in phase)
        raise InvalidValueError(found[0].model)

    monkeypatch.setattr("toys.smollm.run", run)
    name = "tuned, 1,024,000 tokens"
    assert main(["--target", name, "--seeds", "2", "--out", str(tmp_path)]) == 2
    assert {part.seed for part in found if part.model == name} == {0, 1}


def test_no_line_of_the_texts_is_in_two_parts() -> None:
    try:
        parts = [{*text.messages("turkic", part).splitlines()} for part in text.SHARES]
    except MissingPackageError as error:
        pytest.skip(str(error))
    for k, one in enumerate(parts):
        for other in parts[k + 1 :]:
            assert len(one & other) < 0.02 * len(one)  # lines inside of messages


@pytest.mark.slow
def test_the_model_knows_english(tmp_path: Any) -> None:
    try:
        model = smollm2()
        losses = Part(SOURCE, NONE, "slavic", tested=8).result(tmp_path)["losses"]
    except MissingPackageError as error:
        pytest.skip(str(error))
    from toys.llm.network import tokenizer

    ids = tokenizer()("The capital of France is", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert tokenizer().decode(model(ids).logits[0, -1].argmax()) == " Paris"
    assert len(losses) == 8
