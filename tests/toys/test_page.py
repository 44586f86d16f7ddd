import copy
import json
import re
from functools import cache
from html import escape

import numpy as np
import pytest
import torch
from torch import nn

from figures.readme import FRONT, MORE
from ioadapt_theory.adapters import adapt
from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.moving import transfer
from tests.browser import Browse
from toys.page import front
from toys.page import transfer as moves
from toys.page.example import EXAMPLE
from toys.plane.world import Case, augmented, crescent, models, task
from toys.transfer.protocol import protocol
from toys.transfer.records import DATA as DATA_FOLDER
from toys.transfer.records import every
from toys.transfer.verdicts import endpoint

PAGE = FRONT.read_text(encoding="utf-8")
DATA = json.loads(re.search(r'id="data">(.*?)</script>', PAGE, re.DOTALL)[1])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@cache
def sample() -> torch.Tensor:
    return crescent(400_000, seeded(9))


def loss_of_moved(method: dict, r: torch.Tensor) -> tuple[float, float]:
    """Move the page's adapter to W₁R, R⁻¹W₂ by our layer, and return the loss there with its standard error."""
    source, _ = models(Case.SAME_FUNCTION, seeded(0))
    wanted = source(sample()) @ task()
    first, second = source
    target = nn.Sequential(nn.Linear(2, 2).double(), nn.Linear(2, 2).double())
    target[0].weight.data, target[0].bias.data = (first.weight.mT @ r).mT, first.bias @ r
    target[1].weight.data, target[1].bias.data = (torch.linalg.solve(r, second.weight.mT)).mT, second.bias
    where = "1" if method["placement"] == "output" else "0"
    adapt(source, target_modules=[where], family="full", placement=method["placement"])
    (delta,) = (p for p in source.parameters() if p.requires_grad)
    delta.data = torch.tensor(method["AB"]).to(delta)
    transfer(source, target, strict=False)
    with torch.no_grad():
        squares = (target(sample()) - wanted).square().sum(1)
    return float(squares.mean()), float(squares.std() / len(squares) ** 0.5)


def test_the_committed_page_is_the_one_that_is_written_now():
    """Everything is compared except the trained adapters, whose losses are tested separately."""
    learned = {m["key"]: {"AB": {"": m["AB"]}} for m in DATA["methods"]}
    source, target = list(map(list, map(augmented, models(Case.SAME_FUNCTION, seeded(0)))))
    maps = {"source": [m.tolist() for m in source], "target": [m.tolist() for m in target]}
    assert front.html({"models": maps, "rows": learned}, MORE) == PAGE, "run: python -m figures.readme"


def test_the_page_is_one_small_file_that_needs_no_network():
    assert len(PAGE.encode()) < 2e6
    assert re.findall(r"https?:|//[a-z]+\.", PAGE) == []
    assert re.findall(r'(?:src|href)="(?!#|data:,)([^"]*)"', PAGE) == re.findall(r'href="([^"]*)"', MORE)
    assert re.findall(r"\{\{", PAGE) == []


@pytest.mark.parametrize("link", re.findall(r'href="([^"]+)"', PAGE))
def test_what_the_page_links_to_is_there(link):
    if link.startswith("#"):
        assert f'id="{link[1:]}"' in PAGE
    elif not link.startswith("data:"):
        assert (FRONT.parent / link).exists()


def test_the_example_of_the_page_runs(capsys):
    torch.manual_seed(0)
    source = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    order, target = torch.randperm(16), copy.deepcopy(source)
    with torch.no_grad():
        target[0].weight.copy_(source[0].weight[order])
        target[0].bias.copy_(source[0].bias[order])
        target[2].weight.copy_(source[2].weight[:, order])
    adapt(source, target_modules=["0"], placement="input", rank=2)
    for parameter in source[0].adapters.parameters():
        nn.init.normal_(parameter)
    batch = torch.randn(512, 6)
    exec(EXAMPLE, {"source": source, "target": target, "batch": batch})
    assert capsys.readouterr().out.startswith("Carried over")
    torch.testing.assert_close(target(batch), source(batch), rtol=1e-3, atol=1e-3)


def test_every_share_that_an_endpoint_decides_is_a_dot_of_the_page():
    for one in endpoint.decided():
        if one.row in moves.SIDES:
            assert f'title="{one.row} {one.method.mean:.2f}, {one.verdict}"' in PAGE


def test_every_record_is_on_the_page_with_its_command():
    assert len(every()) == len(list(DATA_FOLDER.glob("*_record.json")))
    for name, record in every().items():
        assert escape(protocol(name).title) in PAGE
        assert f"<code>{escape(record['config']['command'])}</code>" in PAGE


def value(page, element: str) -> float:
    return float(page.locator(f"#{element}").get_attribute("data-value"))


def slide(page, element: str, to: int) -> None:
    page.locator(f"#{element}").evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input', { bubbles: true })) }", to
    )


@pytest.mark.parametrize("degrees", [0, 37, 180])
def test_turning_the_basis_shows_what_moving_the_adapters_by_our_layer_gives(browse: Browse, degrees: int):
    page = browse(FRONT)
    slide(page, "turn", degrees)
    assert page.locator("#turn-value").inner_text() == f"{degrees}°"
    angle = torch.tensor(degrees * np.pi / 180).double()
    turn = torch.stack([angle.cos(), angle.sin(), -angle.sin(), angle.cos()]).view(2, 2)
    for method in DATA["methods"]:
        shown = float(page.locator(f"#panel-{method['key']}").get_attribute("data-loss"))
        measured, error = loss_of_moved(method, turn)
        assert abs(shown - measured) < 4 * error + 1e-9
        assert (shown < 1e-9) == (degrees == 0 or method["placement"] != "weight")


@pytest.mark.parametrize(("epsilon", "k"), [(1, 100), (20, 0), (20, 50), (150, 70)])
def test_the_numbers_of_the_false_proposition_are_those_of_the_claims(browse: Browse, epsilon: int, k: int):
    page = browse(FRONT)
    slide(page, "epsilon", epsilon)
    slide(page, "kappa", k)
    eps, kappa = epsilon / 1000, 20 ** (k / 100)
    w = [[1, 0], [0, kappa]]
    instance = {
        "W": w, "W_target": w, "x1": [1, 0], "x2": [0, 1], "x1_target": [1, 0], "x2_target": [0, -1],
        "AB": [[0, eps], [eps, 0]], "epsilon": eps,
    }  # fmt: skip
    printed, sharp = (evaluate(CLAIMS[name], instance) for name in ("prop-2-input", "prop-2-input-sharp"))
    assert value(page, "measured") == pytest.approx(printed.lhs, rel=1e-9)
    assert value(page, "printed") == pytest.approx(printed.rhs, rel=1e-9)
    assert value(page, "sharp") == pytest.approx(sharp.rhs, rel=1e-9)
    assert value(page, "sharp") == pytest.approx(printed.first_order, rel=1e-9)  # the bound is attained here
    finite = evaluate(CLAIMS["prop-2-input-finite-sharp"], instance)
    assert value(page, "finite") == pytest.approx(2 * np.tanh(finite.rhs), rel=1e-9)
    assert value(page, "measured") <= value(page, "finite") * (1 + 1e-9)
    broken = "The printed bound is broken" in page.locator("#false-says").inner_text()
    assert broken == (printed.lhs > printed.rhs)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_screen_has_the_slider_beside_the_panels(browse: Browse, width: int, height: int):
    page = browse(FRONT, width=width, height=height)
    for element in ("#turn", *(f"#panel-{method['key']}" for method in DATA["methods"])):
        box = page.locator(element).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width


def test_the_picture_is_there_without_javascript(browse: Browse):
    page = browse(FRONT, java_script_enabled=False)
    for method in DATA["methods"]:
        panel = page.locator(f"#panel-{method['key']}")
        assert panel.locator(".shape").count() == 2
        assert (panel.locator("output").inner_text() == "0") == (method["placement"] != "weight")
