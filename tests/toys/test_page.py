"""The page that explains everything: what it shows is what the package computes, and it works in a real browser."""

import json
import re
from functools import cache
from html import escape

import numpy as np
import pytest
import torch
from torch import nn

from figures.readme import FRONT, MORE
from ioadapt_theory.adapters import adapt, transfer
from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.evaluation import evaluate
from tests.browser import Browse
from toys.page import claims, front
from toys.page import transfer as moves
from toys.page.example import EXAMPLE
from toys.plane.world import Case, augmented, crescent, models, task
from toys.transfer import command
from toys.transfer.protocol import protocol

PAGE = FRONT.read_text(encoding="utf-8")
DATA = json.loads(re.search(r'id="data">(.*?)</script>', PAGE, re.DOTALL)[1])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@cache
def sample() -> torch.Tensor:
    return crescent(400_000, seeded(9))


def loss_of_moved(method: dict, r: torch.Tensor) -> tuple[float, float]:
    """Loss after moving the page's adapter by our own layer to W₁R, R⁻¹W₂, with its standard error."""
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
    """But for what the adapters learned, of which the losses below are the judge."""
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


def test_every_command_on_the_page_is_one_that_there_is():
    said = re.findall(r"<code>(ioadapt|python) ([\w/.-]+)", PAGE)
    assert {name for tool, name in said if tool == "ioadapt"} <= {
        "claims",
        "verify",
        "report",
        "adapters",
        "similarity",
    }
    assert all((FRONT.parents[1] / name).exists() for tool, name in said if tool == "python")
    assert len(said) > 15


def test_the_example_of_the_page_runs_and_prints_what_it_says(capsys):
    torch.manual_seed(0)
    exec(EXAMPLE, {})
    printed = capsys.readouterr().out.splitlines()
    said = re.findall(r"^# (\d.*|.*Advice.*)$", EXAMPLE, re.MULTILINE)
    assert [line.partition(" (")[0] for line in printed] == [line.partition(" ...")[0] for line in said]


def test_the_lines_name_claims_of_the_registry_and_call_false_what_is_refuted():
    for name, words in claims.LINES.items():
        refuted = CLAIMS[name].expected == "refuted"
        assert refuted == words["true"].startswith(("False", "Only")), name


def test_every_record_is_on_the_page_with_its_command():
    found = moves.results()
    assert len(found) == len(list(command.DATA.glob("*_record.json")))
    assert (moves.NOTHING in PAGE) == (found == [])
    for result in found:
        assert escape(result.title) in PAGE
        assert f"<code>{escape(result.command)}</code>" in PAGE


def study(better: float) -> dict[str, object]:
    """Figures of eight seeds, where input adapters are better than LoRA by so much and output adapters are not."""
    plan = protocol("language")
    models, noise = ("source", *plan.targets), torch.randn(8, generator=seeded(1)).mul(0.001).tolist()
    level = {row: 2.0 for row in ("no adapter", *plan.methods, "lora, retrained")} | {"input": 2.0 - better}
    rows = {
        row: {m: [2.0 + x + (level[row] - 2.0 if m != "source" else 0) for x in noise] for m in models} for row in level
    }
    rates = {row: {"interior": True, "rate": 0.01} for row in plan.methods}
    return {"config": {"command": "python toys/language.py --seeds 8"}, "rows": rows, "rates": rates}


def test_a_study_that_is_recorded_gets_a_headline_by_its_rule_and_a_table(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "recorded", lambda name: study(0.5) if name == "language" else None)
    (result,) = moves.results()
    related = len(protocol("language").related)
    assert result.counts == {"input": (related, 0, related), "output": (0, 0, related)}
    assert "input better than LoRA" in result.title
    assert f"input adapters better in {related}, worse in 0 of {related}" in result.sentence
    text = moves.section([result])
    assert text.count("<tr>") == 1 + len(moves.ROWS)
    assert "python toys/language.py --seeds 8" in text


# In the browser.


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


def test_the_target_of_the_figure_gives_the_figures_losses(browse: Browse):
    page = browse(FRONT)
    page.get_by_role("button", name="Target of Fig. 8").click()
    source, target = (torch.tensor(DATA[name][0]).double()[:2, :2] for name in ("source", "target"))
    for method in DATA["methods"]:
        shown = float(page.locator(f"#panel-{method['key']}").get_attribute("data-loss"))
        measured, error = loss_of_moved(method, torch.linalg.solve(source, target))
        assert abs(shown - measured) < 4 * error + 1e-9
    page.get_by_role("button", name="Source", exact=True).click()
    assert "every adapter does what it was trained to do" in page.locator("#idea-says").inner_text()


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
    assert value(page, "sharp") == pytest.approx(printed.first_order, rel=1e-9)  # it is attained here
    finite = evaluate(CLAIMS["prop-2-input-finite-sharp"], instance)
    assert value(page, "finite") == pytest.approx(2 * np.tanh(finite.rhs), rel=1e-9)
    assert value(page, "measured") <= value(page, "finite") * (1 + 1e-9)
    broken = "The printed bound is broken" in page.locator("#false-says").inner_text()
    assert broken == (printed.lhs > printed.rhs)


def test_nothing_is_wider_than_a_phone(browse: Browse):
    page = browse(FRONT, width=360, height=740)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("#play").bounding_box()["height"] >= 30


def test_no_shape_ever_leaves_its_frame(browse: Browse):
    page = browse(FRONT)
    for degrees in (*range(0, 360, 20), None):
        if degrees is None:
            page.get_by_role("button", name="Target of Fig. 8").click()
        else:
            slide(page, "turn", degrees)
        inside = page.evaluate("""() => [...document.querySelectorAll('.panel svg')].every((svg) => {
            const numbers = svg.querySelector('.shape').getAttribute('points').split(/[ ,]/);
            return numbers.every((x) => Math.abs(x) < svg.viewBox.baseVal.width / 2) })""")
        assert inside, degrees


def test_everything_can_be_reached_and_moved_by_the_keyboard(browse: Browse):
    page = browse(FRONT)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert [*dict.fromkeys(filter(None, reached))] == ["turn", "play", "to-source", "to-target", "epsilon", "kappa"]
    page.locator("#kappa").focus()
    before = value(page, "sharp")
    page.keyboard.press("ArrowRight")
    assert value(page, "sharp") > before
    page.locator("#turn").focus()
    page.keyboard.press("Home")
    assert page.locator("#turn-value").inner_text() == "0°"


def test_the_basis_turns_by_itself_until_it_is_stopped(browse: Browse):
    page = browse(FRONT)
    page.locator("#play").click()
    page.wait_for_function("document.getElementById('turn').value > 92")
    page.locator("#play").click()
    assert page.locator("#play").get_attribute("aria-pressed") == "false"


def test_who_wants_less_motion_gets_a_step(browse: Browse):
    page = browse(FRONT, reduced_motion="reduce")
    page.locator("#play").click()
    assert page.locator("#turn-value").inner_text() == "180°"
    assert page.locator("#play").get_attribute("aria-pressed") == "false"


def luminance(colour: str) -> float:
    rgb = np.array(re.findall(r"\d+", colour)[:3], dtype=float) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_paper_by_day_and_by_night(browse: Browse, scheme: str):
    page = browse(FRONT, color_scheme=scheme)
    style = "(at) => getComputedStyle(document.querySelector(at))"
    paper = luminance(page.evaluate(f"({style})('body').backgroundColor"))
    assert (paper > 0.5) == (scheme == "light")
    for at in (
        "body",
        ".made",
        ".kinds .lora th",
        ".kinds .input th",
        ".kinds .output th",
        ".verdict.refuted",
        "nav a",
    ):
        ink = luminance(page.evaluate("(at) => getComputedStyle(document.querySelector(at)).color", at))
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, at


def test_on_paper_there_are_no_controls_and_nothing_is_cut(browse: Browse):
    page = browse(FRONT, width=700)
    page.emulate_media(media="print")
    assert not page.locator("#play").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator("#panel-lora-1 .shape").first.is_visible()
    cut = page.evaluate(
        "[...document.querySelectorAll('pre')].filter((box) => box.scrollWidth > box.clientWidth + 1).length"
    )
    assert cut == 0


def test_the_page_has_a_title_a_language_and_names_for_all_it_shows(browse: Browse):
    page = browse(FRONT)
    assert page.title()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    unnamed = page.evaluate("""() => [...document.querySelectorAll('svg, input')].filter((one) =>
        !(one.getAttribute('aria-label') || (one.labels && one.labels.length))).length""")
    assert unnamed == 0
