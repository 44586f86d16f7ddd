"""The page in a real browser: sorting, fixed headers, filter and narrow screens; the order and style of figures."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.cli import main
from ioadapt_theory.similarity.report.order import place
from ioadapt_theory.similarity.report.plots import lowest_shown
from tests.browser import Browse
from tests.similarity.models import shapes

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a comparison of three models with twelve layers, some of which the third model lacks."""
    folder = tmp_path_factory.mktemp("page")
    generator = torch.Generator().manual_seed(0)
    base = {f"model.layers.{i}.mlp.up_proj.weight": torch.randn(6, 4, generator=generator) for i in range(12)}
    for n, noise in enumerate((0.0, 0.5, 1.5)):
        some = {
            k: w + noise * torch.randn(w.shape, generator=generator)
            for i, (k, w) in enumerate(base.items())
            if i % 3 or n < 2
        }
        save_file({k: w.float() for k, w in some.items()}, folder / f"{'abc'[n]}.safetensors")
    files = [str(folder / f"{n}.safetensors") for n in "abc"]
    assert main(["similarity", *files, "--quiet", "--html", str(folder / "page.html")]) == 0
    return folder / "page.html"


PART = "details:has(.long) >> nth=0"
"""Selector of the first expandable part (all layers); the second lists skipped tensors."""
HEADS = f"{PART} >> thead th"


def opened(browse: Browse, page: Path, **options: int) -> "Page":
    shown = browse(page, **options)
    shown.locator(PART).evaluate("part => { part.open = true; }")
    return shown


def column(shown: "Page", k: int) -> list[str]:
    return shown.eval_on_selector_all(f"{PART} >> tbody tr", f"rows => rows.map(r => r.cells[{k}].textContent)")


def test_columns_sort_by_number_with_gaps_last_and_say_so(page: Path, browse: Browse):
    shown = opened(browse, page)
    heads = shown.locator(HEADS)
    heads.nth(4).locator("button").focus()
    shown.keyboard.press("Enter")
    up = column(shown, 4)
    numbers = [float(x) for x in up if x != "-"]
    assert up == [f"{x:.6f}" for x in sorted(numbers)] + ["-"] * 4
    assert heads.nth(4).get_attribute("aria-sort") == "ascending"
    assert shown.locator(f"{PART} >> thead th[aria-sort]").count() == 1
    shown.keyboard.press("Space")
    assert column(shown, 4) == [f"{x:.6f}" for x in sorted(numbers, reverse=True)] + ["-"] * 4
    assert heads.nth(4).get_attribute("aria-sort") == "descending"
    heads.nth(0).locator("button").click()
    assert column(shown, 0) == [f"model.layers.{i}.mlp.up_proj.weight" for i in range(12)]


def test_the_filter_keeps_the_rows_with_its_words(page: Path, browse: Browse):
    shown = opened(browse, page)
    shown.locator(f"{PART} >> input[type=search]").fill("layers.1 up_proj")
    kept = shown.locator(f"{PART} >> tbody tr:visible").all_inner_texts()
    assert [row.split()[0] for row in kept] == [f"model.layers.{i}.mlp.up_proj.weight" for i in (1, 10, 11)]
    assert shown.locator(f"{PART} >> output").inner_text() == "3 of 12"


def test_on_a_phone_the_page_does_not_shrink_the_figure_nor_scroll_sideways_as_a_whole(page: Path, browse: Browse):
    shown = opened(browse, page, width=390)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.locator("figure svg").first.evaluate("svg => svg.getBoundingClientRect().width") >= 700


def test_the_networks_order_is_not_the_alphabets():
    names = sorted(shapes("sd15"), key=place)
    blocks = list(dict.fromkeys(name.split(".")[0] for name in names))
    stages = ["conv_in", "time_embedding", "down_blocks", "mid_block", "up_blocks", "conv_norm_out", "conv_out"]
    assert blocks == stages
    layers = [f"model.layers.{i}.mlp.down_proj.weight" for i in range(12)]
    whole = ["model.embed_tokens.weight", *layers, "model.norm.weight", "lm_head.weight"]
    assert sorted(sorted(whole), key=place) == whole
    down = ["resnets.0.conv1", "attentions.0.proj_in", "resnets.1.conv1", "attentions.1.proj_in", "downsamplers.0.conv"]
    assert sorted(sorted(down), key=lambda n: place(f"down_blocks.0.{n}.weight")) == down


def test_high_values_differ():
    assert lowest_shown([torch.tensor([[1, 0.78], [0.78, 1]]).numpy()]) == 0.75
    assert lowest_shown([torch.tensor([[1, -0.2], [0.1, 1]]).numpy()]) == pytest.approx(-0.2)
    assert lowest_shown([torch.tensor([[1.0, 1.0], [1.0, 1.0]]).numpy()]) == 0.95
