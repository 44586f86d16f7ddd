"""Pairs of two tokenizers: byte-level BPE, unigram with byte fallback, and WordPiece, made here over the same texts."""

import random
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ioadapt_theory.effect.pairing import PLACES, _Common, common, ends, paired, strings
from tests.effect.tokenizers import TEXTS, byte_level, permuted, unigram

SCRIPTS = "abc XYZ \n\t.,éüß中文ñ😀👩‍👩‍👧ﬁ½َا"


def random_text(drawn: random.Random) -> str:
    letters = [*SCRIPTS, chr(drawn.randrange(0x20, 0x3000)), chr(drawn.randrange(0x1F300, 0x1F700))]
    return "".join(drawn.choice(letters) for _ in range(drawn.randrange(1, 24)))


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_paired_prefixes_stand_for_the_same_characters(count: int):
    drawn, one, two = random.Random(0), byte_level(), unigram()
    pairs = 0
    for _ in range(count):
        text = random_text(drawn)
        (a, read), (b, other) = ends(one, text), ends(two, text)
        for i, j in common(read, other):
            assert one.decode(a[: i + 1]) == text[: read[i]]
            assert two.decode(b[: j + 1], skip_special_tokens=True).removeprefix(" ") == text[: other[j]].removeprefix(
                " "
            )
            pairs += 1
    assert pairs > 5 * count


def test_the_same_tokenizer_pairs_every_token_and_every_character_end():
    one = byte_level()
    known = strings(one)
    assert len(known) == len(one) - 2
    made = paired(TEXTS, one, one)
    assert torch.equal(made.tokens[:, 0], made.tokens[:, 1])
    assert torch.equal(made.source[PLACES], made.target[PLACES])
    assert made.positions[0] == made.positions[1] > 0.6


def test_tokens_are_paired_by_their_bytes():
    one, two = strings(byte_level()), strings(unigram())
    assert {b" the", b" cat", b"\xe9", b"a", "—".encode()} <= two.keys()
    assert {b" the", b"\xc3", b"a"} <= one.keys()
    assert b"<s>" not in one
    assert b"<bos>" not in two


def test_a_permuted_vocabulary_gives_the_same_outputs():
    torch.manual_seed(0)
    one = byte_level()
    order = torch.randperm(len(one))
    two = permuted(one, order)
    net = nn.Sequential(nn.Embedding(len(one), 8), nn.Linear(8, len(one)))
    other = nn.Sequential(nn.Embedding(len(one), 8), nn.Linear(8, len(one)))
    with torch.no_grad():
        other[0].weight[order] = net[0].weight
        other[1].weight[order], other[1].bias[order] = net[1].weight, net[1].bias
    made = paired(TEXTS, one, two)
    models = [SimpleNamespaceModel(net), SimpleNamespaceModel(other)]
    here, there = (made.call(model, batch) for model, batch in zip(models, (made.source, made.target), strict=True))
    torch.testing.assert_close(here.exp(), there.exp(), rtol=1e-4, atol=1e-6)  # the rest is a difference from 1
    seen = made.source[PLACES] >= 0
    torch.testing.assert_close(here[seen].exp().sum(-1), torch.ones(int(seen.sum())).to(here))


class SimpleNamespaceModel(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.net(input_ids))


@pytest.mark.parametrize("shared", [7, 30])
def test_outputs_on_common_tokens_are_those_of_a_softmax_with_its_gradient(shared: int):
    torch.manual_seed(0)
    logits, ids = (3 * torch.randn(70, 30)).requires_grad_(), torch.randperm(30)[:shared]
    chosen = logits.log_softmax(-1)[:, ids]
    rest = torch.log(-torch.expm1(chosen.logsumexp(-1, keepdim=True).clamp_max(-1e-6)))
    direct, along = torch.cat([chosen, rest], -1), torch.randn(70, shared + 1)
    made = _Common.apply(logits, ids)
    torch.testing.assert_close(made, direct, rtol=1e-4, atol=1e-4)
    gradients = [torch.autograd.grad((x * along).sum(), logits, retain_graph=True)[0] for x in (made, direct)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)
