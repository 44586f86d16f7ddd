"""The page in a real browser without a window: sorting, filter, keyboard, a phone's width."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.cli import main
from ioadapt_theory.similarity.report.order import place
from ioadapt_theory.similarity.report.plots import look, lowest_shown
from tests.similarity.models import shapes

BROWSER = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)
needs_a_browser = pytest.mark.skipif(BROWSER is None, reason="no browser is installed")

ASK = """
const all = (what, from) => [...(from || document).querySelectorAll(what)];
const table = all('.long table')[0], heads = () => all('thead th', table), rows = () => [...table.tBodies[0].rows];
const column = k => rows().map(r => r.cells[k].textContent);
const click = k => all('button', heads()[k])[0].click();
document.querySelectorAll('details').forEach(d => d.open = true);
const told = {};
"""


def ask(page: Path, script: str, width: int = 1200) -> dict[str, Any]:
    """Run a script in the page, which fills `told`."""
    text = page.read_text(encoding="utf-8")
    last = "document.body.innerHTML = ''; document.body.dataset.told = JSON.stringify(told);"
    end = f"<script>{ASK}{script}\n{last}</script>"
    copy = page.with_name("asked.html")
    copy.write_text(text.replace("</body>", f"{end}</body>"), encoding="utf-8")
    command = [
        str(BROWSER),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={page.parent / 'user'}",
    ]
    command += [f"--window-size={width},900", "--dump-dom", copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'data-told="([^"]*)"', done.stdout)
    assert found, done.stdout[-500:] + done.stderr[-500:]
    return json.loads(unescape(found[1]))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models of twelve layers, of which the third lacks some."""
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


@needs_a_browser
def test_columns_sort_by_number_with_gaps_last_and_say_so(page: Path):
    told = ask(page, """
    click(4); told.up = column(4); told.aria = heads().map(h => h.getAttribute('aria-sort'));
    click(4); told.down = column(4); told.then = heads()[4].getAttribute('aria-sort');
    click(0); told.names = column(0);
    """)  # fmt: skip
    numbers = [float(x) for x in told["up"] if x != "-"]
    assert told["up"] == [f"{x:.6f}" for x in sorted(numbers)] + ["-"] * 4
    assert told["down"] == [f"{x:.6f}" for x in sorted(numbers, reverse=True)] + ["-"] * 4
    assert (told["aria"][4], told["then"]) == ("ascending", "descending")
    assert [a for a in told["aria"] if a] == ["ascending"]
    assert told["names"] == [f"model.layers.{i}.mlp.up_proj.weight" for i in range(12)]


@needs_a_browser
def test_heads_are_buttons_that_stay_while_the_rows_scroll(page: Path):
    told = ask(page, """
    told.focusable = all('button', table).map(b => { b.focus(); return document.activeElement === b; });
    told.scopes = [...new Set(all('th').map(h => h.scope))].sort();
    const box = table.parentElement; box.style.maxHeight = '120px'; box.scrollTop = 90;
    told.scrolled = box.scrollTop;
    told.head = heads()[0].getBoundingClientRect().top - box.getBoundingClientRect().top;
    all('button', table)[3].focus();
    """)  # fmt: skip
    assert told["focusable"] == [True] * 6
    assert told["scopes"] == ["col", "row"]
    assert told["scrolled"] > 50
    assert abs(told["head"]) < 2


@needs_a_browser
def test_the_filter_keeps_the_rows_with_its_words(page: Path):
    told = ask(page, """
    const input = all('input[type=search]')[0];
    input.value = 'layers.1 up_proj'; input.dispatchEvent(new Event('input'));
    told.shown = rows().filter(r => !r.hidden).map(r => r.cells[0].textContent);
    told.output = all('output')[0].textContent;
    """)  # fmt: skip
    assert told["shown"] == [f"model.layers.{i}.mlp.up_proj.weight" for i in (1, 10, 11)]
    assert told["output"] == "3 of 12"


@needs_a_browser
def test_on_a_phone_the_page_does_not_shrink_the_figure_nor_scroll_sideways_as_a_whole(page: Path):
    told = ask(page, """
    told.page = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    told.figure = document.querySelector('figure svg').getBoundingClientRect().width;
    told.width = document.documentElement.clientWidth;
    """, width=500)  # fmt: skip
    assert told["width"] <= 500
    assert told["page"] <= 0
    assert told["figure"] >= 700


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


def test_no_two_of_ten_pairs_look_alike_and_high_values_differ():
    assert len({tuple(look(k).values()) for k in range(45)}) == 45
    assert lowest_shown([torch.tensor([[1, 0.78], [0.78, 1]]).numpy()]) == 0.75
    assert lowest_shown([torch.tensor([[1, -0.2], [0.1, 1]]).numpy()]) == pytest.approx(-0.2)
    assert lowest_shown([torch.tensor([[1.0, 1.0], [1.0, 1.0]]).numpy()]) == 0.95
