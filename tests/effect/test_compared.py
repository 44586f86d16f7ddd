import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ioadapt_theory.effect import Compared, Goal, record, run, whole
from ioadapt_theory.effect.outputs import needed
from ioadapt_theory.errors import InvalidValueError
from tests.effect.nets import mlp

X = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))


def compared(call=None, need=None, model=None, inputs=X, **options) -> Compared:
    model = (model or mlp(0)).float()
    return Compared.of(model, copy.deepcopy(model), whole(inputs)[0], call=call, need=need, **options)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda m, x: (m(x).sum(), m(x)), "1"),  # a scalar loss comes first
        (lambda m, x: {"loss": m(x).mean(), "aux": torch.ones(3), "logits": m(x), "hidden": m[0](x)}, "logits"),
        (lambda m, x: {"start_logits": m(x), "hidden": m[0](x)}, "start_logits"),
        (lambda m, x: (m(x), (m[0](x), m[0](x))), "0"),  # nested tensors come last
        (lambda m, x: Named(m(x)), "sample"),
        (lambda m, x: {"out": {"loss": m(x).sum(), "y": m(x)}}, "out.y"),
    ],
)
def test_the_output_with_a_row_for_each_sample_is_compared(call, name):
    model = mlp(0).float()
    assert compared(call, "change").output == name
    torch.testing.assert_close(run(model, X, call, 0), model(X))


class Named:
    __dataclass_fields__ = ("sample",)

    def __init__(self, sample: torch.Tensor) -> None:
        self.sample = sample


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m, x: {"hidden": m[0](x), "out": m(x)}, r"several tensors .*hidden: \[2, 9\], out: \[2, 4\].*call="),
        (lambda m, x: {"start_logits": m(x), "end_logits": m(x)}, "several tensors"),
        (lambda m, x: m(x).sum(), r"no floating-point .* each of the 2 samples \(found output: \[\]"),
        (lambda m, x: m(x).argmax(-1), "no floating-point tensor"),
    ],
)
def test_what_is_no_output_or_several_is_refused_with_names(call, sentence):
    with pytest.raises(InvalidValueError, match=sentence):
        compared(call, "change")


@pytest.mark.parametrize(
    ("output", "name", "config", "need"),
    [
        (torch.randn(5, 8), "logits", None, "labels"),
        (torch.randn(5, 8), "logits", "regression", "change"),
        (torch.randn(5, 8), "last_hidden_state", None, "change"),
        (torch.randn(5, 1), "", None, "change"),
        (torch.randn(5, 8).log_softmax(-1), "", None, "labels"),
        (9 * torch.eye(4), "", None, ""),  # confident logits, or regression
        (torch.randn(5, 8), "1", None, ""),
    ],
)
def test_the_need_is_told_by_a_name_and_never_by_the_numbers_alone(output, name, config, need):
    model = SimpleNamespace(config=SimpleNamespace(problem_type=config))
    assert needed(model, output, name)[0] == need


def test_a_need_that_is_not_told_is_asked_for():
    with pytest.raises(InvalidValueError, match=r"\[2, 4\].*need='labels' .* need='change' .* need='outputs'"):
        compared()
    assert "need: change (as given)" in str(compared(need="change"))
    assert compared(otherwise="change").why == "the outputs may be logits or not"
    assert "logits; need: labels (the output is named logits)" in str(compared(lambda m, x: {"logits": m(x)}))
    with pytest.raises(InvalidValueError, match="not 'likelihood'"):
        compared(need="likelihood")


class TimeFirst(nn.Module):
    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn = nn.GRU(6, 5, batch_first=batch_first)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


class Noisy(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x + torch.randn_like(x))


def test_a_time_first_batch_is_refused_and_random_models_are_not():
    x = torch.randn(7, 3, 6)
    with pytest.raises(InvalidValueError, match=r"TimeFirst for a row change .*first dimension"):
        compared(need="change", model=TimeFirst(batch_first=False), inputs=x)
    assert compared(need="change", model=TimeFirst(batch_first=True), inputs=x).size == 15
    turned = compared(lambda m, x: m(x.transpose(0, 1)).transpose(0, 1), "change", TimeFirst(batch_first=False), x)
    assert turned.size == 15
    assert compared(need="change", model=Noisy(6, 4)).size == 4


class Words(nn.Module):
    def __init__(self, vocabulary: int, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(12, 6)
        self.inner = nn.Linear(6, 6)
        self.head = nn.Parameter(torch.randn(16, 6)[:vocabulary])
        self.to(dtype)

    def forward(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.inner(self.embed(ids)).tanh() @ self.head.mT}


def test_of_two_vocabularies_the_common_ids_are_compared():
    ids = torch.randint(0, 12, (9, 5))
    source, target = Words(12), Words(16)
    found = Compared.of(source, target, whole(ids)[0])
    assert (found.classes, found.size) == (12, 60)
    s, t = (run(model, ids, found.call, 0) for model in (source, target))
    torch.testing.assert_close(s, t)
    rows = [record(m, {"inner": m.inner}, ids, call=found.call).rows["inner"] for m in (source, target)]
    torch.testing.assert_close(rows[0].writer("weight"), rows[1].writer("weight"))
    assert "the first 12 classes of logits" in str(found)


def test_batches_are_as_large_as_memory_allows(monkeypatch):
    monkeypatch.setattr("ioadapt_theory.effect.compared.BYTES", 4 * 60 * 3)
    found = Compared.of(Words(12), Words(12), whole(torch.randint(0, 12, (9, 5)))[0])
    assert [found.rows_at_once(size) for size in (2, 32)] == [2, 3]


def test_float32_is_used_where_the_effect_is_smaller_than_the_rounding():
    ids = torch.randint(0, 12, (9, 5))
    model = Words(12, dtype=torch.bfloat16)
    found = Compared.of(model, model, whole(ids)[0])
    for scale, coarse in ((1.0, False), (1e-4, True)):
        change = scale * torch.randn(6, 6, generator=torch.Generator().manual_seed(1))

        def both(change=change):
            plain = run(model, ids, None, 0)
            handle = model.inner.register_forward_hook(lambda _m, x, y: y + x[0] @ change.to(y.dtype))
            adapted = run(model, ids, None, 0)
            handle.remove()
            return plain, adapted

        assert found.rounded(both, model).coarse is coarse
    assert model.inner.weight.dtype == torch.bfloat16
    assert found.rounded(both, Words(12)).rounding is None  # in float32 already


def test_scores_and_cotangents_do_not_need_models_in_float32():
    model = Words(12, dtype=torch.bfloat16)
    rows = record(model, {"inner": model.inner}, torch.randint(0, 12, (9, 5))).rows["inner"]
    assert all(rows.writer(side).dtype == torch.bfloat16 for side in ("weight", "input", "output"))
    s = run(model, torch.randint(0, 12, (9, 5)), None, 0)
    assert Goal(s, s + 1, s, "change").sums(s + 1).source.dtype == torch.float64


def test_inputs_of_different_lengths_give_an_output_for_each_of_their_rows():
    class Elements(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.of = nn.ModuleDict({n: nn.Linear(6, 1) for n in "HCN"})

        def forward(self, **features: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.of[n](x).flatten() for n, x in features.items()])

    atoms = {"H": torch.randn(9, 6), "C": torch.randn(5, 6), "N": torch.randn(5, 6)}
    assert compared(model=Elements(), inputs=atoms).need == "change"
    for batch in (atoms, {**atoms, "C": atoms["C"][:1]}):
        assert len(run(Elements(), batch, None, 0)) == sum(map(len, batch.values()))
