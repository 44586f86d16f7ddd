import pytest
import torch
from torch import nn

from figures.fig_3 import WORKFLOWS

c, d, r = 5, 3, 2
NEAR_FAR = {"lora": (c, d), "input": (c, c), "output": (d, d)}
EQUATIONS = {
    "base": lambda x, w, ab: x @ w,
    "lora": lambda x, w, ab: x @ (w + ab),
    "input": lambda x, w, ab: x @ (torch.eye(c) + ab) @ w,
    "output": lambda x, w, ab: x @ w @ (torch.eye(d) + ab),
}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_code_line_is_the_equation(name: str):
    near, far = NEAR_FAR.get(name, (c, d))
    linear = [nn.Linear(*sizes, bias=False) for sizes in ((c, d), (near, r), (r, far))]
    scope = dict(zip("fAB", linear, strict=True)) | {"x": torch.randn(7, c)}
    exec(WORKFLOWS[name]["code"], scope)
    w, a, b = (layer.weight.T for layer in linear)
    torch.testing.assert_close(scope["y"], EQUATIONS[name](scope["x"], w, a @ b))
    learnable = sum(m.numel() for m in (a, b)) if name != "base" else 0
    assert eval(WORKFLOWS[name]["learnable"], {"r": r, "c": c, "d": d}) == learnable
