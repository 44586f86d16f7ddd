"""Photographs that scikit-image ships, cut into patches, and two tasks that the generators were not trained for.

A network that enlarges images gets a patch and must return the same part of the photograph at twice the size. In the
task "sepia" it must also change the colours. In "lines" every fourth row of its input is darkened.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from toys.cugan.networks import INSTALL, MARGIN
from toys.data.weights import installed, verified

PACKAGE: Final = "scikit-image"
TRAINING: Final = ("coffee.png", "chelsea.png", "rocket.jpg", "ihc.png", "brick.png")
VALIDATION: Final = ("motorcycle_left.png", "gravel.png")
TEST: Final = ("astronaut.png", "camera.png", "hubble_deep_field.jpg", "retina.jpg", "grass.png", "moon.png")
SEPIA: Final = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
"""The usual matrix from red, green and blue to the tones of a sepia print."""
Task = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Function from small and large patches, n x 3 x h x w, to the input and the wanted output of a network."""


def sepia(small: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
    toned = torch.einsum("dc,nchw->ndhw", torch.tensor(SEPIA).to(large), large)
    return small, toned.clamp_max(1.0)


def lines(small: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
    dark = torch.where(torch.arange(small.shape[2]) % 4 == 0, 0.5, 1.0).to(small)
    return small * dark[:, None], large


TASKS: Final[Mapping[str, Task]] = {"sepia": sepia, "lines": lines}


def patches(names: tuple[str, ...], count: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return ``count`` random patches: n x 3 x (size + 36) x (size + 36), and n x 3 x 2 size x 2 size.

    Every photograph gives the same number of patches, up to one.
    """
    random = np.random.default_rng(seed)
    small, large = [], []
    for k in range(count):
        photo = photograph(names[k % len(names)])
        wide = 2 * (size + 2 * MARGIN)
        top, left = (int(random.integers(0, (n - wide) // 2 + 1)) * 2 for n in photo.shape[1:])
        cut = photo[:, top : top + wide, left : left + wide]
        small.append(avg_pool2d(cut, 2))
        large.append(cut[:, 2 * MARGIN : -2 * MARGIN, 2 * MARGIN : -2 * MARGIN])
    return torch.stack(small), torch.stack(large)


@cache
def photograph(name: str) -> Tensor:
    """Return a photograph, 3 x height x width, in [0, 1].

    Raises:
        MissingPackageError: scikit-image is not installed.
        ChangedWeightsError: the photograph is not that of the study.
    """
    path = installed(PACKAGE, "skimage/data", INSTALL) / name
    with Image.open(verified(path, PACKAGE)) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
