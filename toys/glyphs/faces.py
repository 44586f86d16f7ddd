"""Letters in matplotlib's fonts: the split of the typefaces, the drawing of glyphs, and the encoder of prompts."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

FOLDER: Final = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIZE: Final = 16
"""Height and width of a glyph in pixels."""
DRAWN: Final = 64
"""Height and width of a drawing before it is downscaled."""

POOL: Final = (
    "DejaVuSans",
    "STIXGeneral",
    "DejaVuSerif-Bold",
    "DejaVuSansMono",
    "STIXGeneralItalic",
    "DejaVuSans-Bold",
    "DejaVuSerif",
    "STIXGeneralBol",
    "DejaVuSans-Oblique",
    "DejaVuSansMono-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneralBolIta",
)
"""Typefaces of the training data; some toys withhold one of them, which adapters learn instead."""
OTHER: Final = ("cmr10", "cmb10", "cmmi10", "cmsy10")
"""Typefaces of another family, on which the target "shifted" is trained."""
JUDGES: Final = (
    "cmss10",
    "cmtt10",
    "cmti10",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono-Oblique",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSerif-BoldItalic",
)
"""Typefaces on which the judge is trained; no generator sees them."""
FACES: Final = (*POOL, *OTHER)
PATHS: Final = {face: FOLDER / f"{face}.ttf" for face in (*FACES, *JUDGES)}
PROMPT: Final = 32
"""Length of a prompt token."""


@lru_cache
def encoder() -> tuple[Tensor, Tensor]:
    """Return fixed random tokens of the letters, (26, PROMPT), and of the typefaces in FACES, (16, PROMPT)."""
    drawn = torch.Generator().manual_seed(12345)
    return tuple(torch.randn(n, PROMPT, generator=drawn, dtype=torch.float32) for n in (len(LETTERS), len(FACES)))  # type: ignore[return-value]


def prompts(letters: Tensor, faces: Tensor) -> Tensor:
    """Return the prompts for letters, (n,), and typefaces, (n,), as tokens, (n, 2, PROMPT).

    ``faces`` may also be k tokens for each letter, (n, k, PROMPT), which are appended to the letter's token.
    """
    letter, face = encoder()
    told = faces if faces.is_floating_point() else face[faces][:, None]
    return torch.cat([letter[letters][:, None], told], 1)


@lru_cache(maxsize=512)
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(PATHS[face]), size)


def glyph(face: str, letter: str, drawn: np.random.Generator) -> np.ndarray:
    """Draw a letter, (SIZE, SIZE), from -1 (paper) to 1 (ink), with a random variation of size and position."""
    font = _font(face, int(drawn.integers(46, 54)))
    page = Image.new("L", (DRAWN, DRAWN))
    left, top, right, bottom = font.getbbox(letter)
    at = [DRAWN / 2 - (a + b) / 2 + drawn.normal() for a, b in ((left, right), (top, bottom))]
    ImageDraw.Draw(page).text((at[0], at[1]), letter, font=font, fill=255)
    return np.asarray(page.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32) / 127.5 - 1


def glyphs(faces: Sequence[str], letters: Sequence[int], each: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw every letter in every typeface ``each`` times.

    Returns:
        The glyphs, (n, 1, SIZE, SIZE), and the indices of their letters and of their typefaces in FACES (-1 if absent).
    """
    drawn = np.random.default_rng(seed)
    told = [(face, letter) for face in faces for letter in letters for _ in range(each)]
    images = torch.from_numpy(np.stack([glyph(face, LETTERS[letter], drawn) for face, letter in told]))
    known = {face: k for k, face in enumerate(FACES)}
    return images[:, None], torch.tensor([j for _, j in told]), torch.tensor([known.get(f, -1) for f, _ in told])
