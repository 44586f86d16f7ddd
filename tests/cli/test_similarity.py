import itertools
import json
import re
import subprocess
import sys
from html import escape
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

ROOT = Path(__file__).parents[2]
LAYERS = {"block.0.attn1.to_q.weight": (6, 4), "block.0.norm1.weight": (6,), "block.1.conv.weight": (4, 3, 3, 3)}
LAYERS |= {"block.1.conv.bias": (4,), "block.1.ff.weight": (5, 6)}


NAMES = ["one/model.safetensors", "two/model.safetensors", "three/model.safetensors"]


@pytest.fixture
def models(here) -> str:
    """Write three models, and return their names as words of a command."""
    base = {name: torch.randn(shape, dtype=torch.float32) for name, shape in LAYERS.items()}
    for i, path in enumerate(map(Path, NAMES)):
        path.parent.mkdir()
        save_file({k: v + 0.5 * i * torch.randn(v.shape, dtype=torch.float32) for k, v in base.items()}, path)
    return " ".join(NAMES)


def test_the_json_has_exactly_the_documented_keys(models, ioadapt):
    c = json.loads(ioadapt(f"similarity {models} --format json").out)
    assert list(c) == ["schema", "models", "space", "layers", "pairs", "skipped"]
    assert (c["schema"], c["space"]) == (1, "weight")
    assert [list(m) for m in c["models"]] == [["name", "source", "revision", "dtype", "parameters"]] * 3
    assert [list(x) for x in c["layers"]] == [["name", "kind", "shape", "values"]] * 5
    keys = ["a", "b", "common_layers", "common_parameters", "mean", "lowest"]
    assert [list(p) for p in c["pairs"]] == [keys] * 3
    assert list(c["pairs"][0]["lowest"]) == ["fraction", "layers", "mean"]
    assert [m["name"] for m in c["models"]] == NAMES
    for layer in c["layers"]:
        assert tuple(layer["shape"]) == LAYERS[layer["name"]]
        assert list(layer["values"]) == [f"{a}|{b}" for a, b in itertools.combinations(NAMES, 2)]
        assert all(list(v) == ["cosine", "relative_distance", "norm_ratio"] for v in layer["values"].values())
    assert c["models"][0]["dtype"] == "float32"
    assert c["models"][0]["parameters"] == c["pairs"][0]["common_parameters"] == 24 + 6 + 108 + 4 + 30


def test_further_keys_come_with_the_options_that_ask_for_them(models, ioadapt):
    line = f"similarity {NAMES[0]} {NAMES[1]} --by kind block --space input --only weight --format json"
    c = json.loads(ioadapt(line).out)
    assert c["options"] == {"only": ["weight"]}
    assert {(g["by"], g["name"]) for g in c["groups"]} == {
        ("kind", "attn1"), ("kind", "ff"), ("kind", "conv"), ("block", "block.0"), ("block", "block.1")
    }  # fmt: skip
    assert max(map(len, ioadapt(f"similarity {models} --space input").out.splitlines())) <= 80


def test_the_table_shows_pairs_groups_and_what_was_left_out(models, ioadapt):
    shown = ioadapt(f"similarity {models} --by kind --only weight")
    assert "cosine of weights; matched by name; uniform mean" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    for words in ("one/model.safetensors | two/model.safetensors", "attn1"):
        assert words in shown.out
    assert "left out: not requested (2)" in shown.err
    shown = ioadapt(f"similarity {NAMES[0]} {NAMES[0]} --quiet")
    assert shown.err == ""
    assert "model#1 | model#2       5   0.0 M  1.0000" in shown.out


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_the_figure_is_written_twice_with_the_same_bytes(models, here, ioadapt, ending: str):
    written = []
    for _ in range(2):
        ioadapt(f"similarity {models} --quiet --figure maps.{ending}")
        written.append((here / f"maps.{ending}").read_bytes())
    assert written[0] == written[1]
    assert len(written[0]) > 5000


def test_the_page_loads_nothing_and_escapes_names_and_figures_show_dollars_as_they_are(here, ioadapt):
    evil = "<script>alert(1)</script>$\\frac{a}$.weight"
    for name in ("<b>one", "$x_1$"):
        save_file({evil: torch.randn(3, 4), "x" * 300: torch.randn(3)}, f"{name}.safetensors")
    ioadapt("similarity <b>one.safetensors $x_1$.safetensors --quiet --html page.html")
    text = (here / "page.html").read_text(encoding="utf-8")
    assert re.findall(r"""(?:src|href)=['"](?!#|data:)""", text) == []
    assert "alert(1)</script>" not in text
    assert escape(evil) in text
    assert "<svg" in text


def test_a_picture_without_matplotlib_is_refused_before_anything_is_read(here, ioadapt, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    missing = "matplotlib is not installed; install it with pip install 'ioadapt-theory[figures]'"
    ioadapt.refuses("similarity not-there nor-this --html x.html", missing)


def test_help_imports_little_and_states_the_defaults_that_the_paper_leaves_open():
    call = [sys.executable, "-X", "importtime", "-m", "ioadapt_theory", "similarity", "--help"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    for words in ("a layer is a tensor", "listed separately", "uniform over layers", "ceil(0.2 n)", "|a - b| / |a|"):
        assert words in " ".join(done.stdout.split())
    assert not {"torch", "numpy", "scipy", "matplotlib", "huggingface_hub"} & {*done.stderr.replace("|", " ").split()}


def test_the_aliases_are_listed(ioadapt):
    shown = ioadapt("similarity --list").out
    assert "stable-diffusion-v1-5/stable-diffusion-v1-5" in shown
    assert "lcm" in shown
