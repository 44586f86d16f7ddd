"""The likelihood of texts."""

import torch

from ioadapt_theory.effect.likelihood import CHUNK, log_likelihood


def test_the_likelihood_is_that_of_the_next_tokens():
    torch.manual_seed(0)
    rows, length, classes = 3, CHUNK, 5
    logits = torch.randn(rows, length, classes, requires_grad=True)
    places, (first, last) = torch.arange(length), torch.tensor([[[0], [0], [3]], [[length], [7], [9]]])
    ids, mask = torch.randint(classes, (rows, length)), (first <= places) & (places < last)  # padded on either side
    found = log_likelihood(logits, ids, mask.long())
    chosen = logits.log_softmax(-1)[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]
    wanted = (chosen * ((first < places) & (places < last))[:, 1:]).sum(1)
    torch.testing.assert_close(found, wanted)
    weights = torch.tensor([1.0, -2.0, 3.0])
    gradients = [torch.autograd.grad(x @ weights, logits, retain_graph=True)[0] for x in (found, wanted)]
    torch.testing.assert_close(*gradients)
