"""Glyphs, their generator and their judges: nobody sees what is to be unknown, and what has to be exact is exact."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.toys.exact import lost
from toys import diffusion
from toys.glyphs import sheet
from toys.glyphs.faces import FACES, JUDGES, LETTERS, OTHER, PATHS, POOL, SIZE, glyphs, prompts
from toys.glyphs.judges import Subject, judge
from toys.glyphs.networks import HEADS, Model, distilled, flow_loss, on, sampled, train
from toys.transfer import command, gauges
from toys.transfer.protocol import Method, protocol
from toys.transfer.rows import adapted, moved
from toys.transfer.said import page

PLAN = protocol("diffusion")
ALL = range(len(LETTERS))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory):
    """A judge that has learnt for long enough to know faces apart."""
    return judge(tmp_path_factory.mktemp("judge"), 200)


def model(seed: int = 0) -> Model:
    torch.manual_seed(seed)
    one = Model()
    torch.nn.init.normal_(one.head.weight, std=0.1)
    return one.double()


def velocity(one: torch.nn.Module) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(1)
    x = torch.randn(5, 1, SIZE, SIZE, generator=drawn, dtype=torch.float64)
    prompt = prompts(torch.arange(5), torch.arange(5)).double()
    return one(x, torch.linspace(0, 0.9, 5, dtype=torch.float64), prompt)


def test_generators_judges_and_other_families_share_no_face():
    assert len({*POOL, *OTHER, *JUDGES}) == len(POOL) + len(OTHER) + len(JUDGES)
    assert all(PATHS[face].exists() for face in (*FACES, *JUDGES))


def test_each_seed_has_an_unseen_face_of_its_own():
    assert len({diffusion.subject(seed) for seed in range(PLAN.seeds)}) == PLAN.seeds
    assert all(diffusion.subject(seed) not in diffusion.seen(seed) for seed in range(PLAN.seeds))


def test_letters_are_learnt_validated_or_tested():
    parts = (diffusion.LEARNT, diffusion.VALIDATED, diffusion.TESTED)
    assert sorted(k for part in parts for k in part) == [*ALL]
    assert len(diffusion.LEARNT) == 6


def test_every_glyph_has_ink_and_paper_and_lies_inside():
    x, letters, faces = glyphs((*POOL, *OTHER), ALL, 1, 0)
    assert x.shape == (len(letters), 1, SIZE, SIZE)
    assert len(letters) == len(faces)
    assert float(x.flatten(1).max(1).values.min()) > 0
    edge = torch.cat([x[..., 0, :], x[..., -1, :], x[..., 0], x[..., -1]], -1)
    assert float((edge > 0).float().mean()) < 0.01


def test_equal_seeds_give_equal_glyphs_and_others_do_not():
    one, same, other = (glyphs(POOL[:2], range(3), 2, seed)[0] for seed in (4, 4, 5))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_judge_finds_a_face_nearer_to_itself_than_to_others(told):
    distances = {}
    for face in POOL:
        real = Subject(told, glyphs([face], ALL, 1, 11)[0], torch.arange(len(LETTERS)))
        distances[face] = {f: real.compared(glyphs([f], ALL, 1, 12)[0])["distance"] for f in (*POOL, *OTHER)}
    nearest = [min(of, key=of.__getitem__) for of in distances.values()]
    assert sum(face == found for face, found in zip(POOL, nearest, strict=True)) >= len(POOL) - 2
    assert all(of[face] < 0.5 for face, of in distances.items())


def test_the_judge_reads_faces_that_it_has_not_seen(told):
    for face in ("DejaVuSans", "STIXGeneral", "DejaVuSerif"):
        x, letters, _ = glyphs([face], ALL, 1, 3)
        assert Subject(told, x, letters).compared(x)["misread"] < 0.2


def test_glyphs_that_are_the_subjects_own_are_at_no_distance_and_noise_is_far(told):
    x, letters, _ = glyphs([POOL[0]], ALL, 1, 3)
    subject = Subject(told, x, letters)
    assert subject.compared(x)["distance"] == pytest.approx(0, abs=1e-6)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    assert subject.compared(noise)["distance"] > 0.5
    assert subject.compared(noise)["misread"] > 0.7


@pytest.mark.parametrize("target", PLAN.exact)
def test_the_side_that_must_be_exact_is_exact_and_lora_is_not(target: str):
    source = model()
    there = {"heads": lambda m: gauges.heads(m, 3, HEADS), "stream": lambda m: gauges.stream(m, 3)}[target](source)
    torch.testing.assert_close(velocity(there), velocity(source))
    for name, exact in ((PLAN.exact[target], True), ("lora", False)):
        assert (lost(source, there, PLAN.methods[name], diffusion.LAYERS, velocity) < 1e-9) == exact


def test_a_flow_is_learnt_and_goes_to_the_glyph_that_is_asked_for():
    data = glyphs([POOL[0]], [0, 14], 2, 0)
    torch.manual_seed(0)
    one = train(Model(), on(data, 8), 80, 5e-3, 0)
    drawn = torch.Generator().manual_seed(3)
    with torch.no_grad():
        assert float(flow_loss(one, data, drawn)) < 0.5
    letters = torch.tensor([0, 14])
    _, made = sampled(one, letters, torch.zeros(2, dtype=torch.long), 8, 5)
    real = data[0][[0, 2]]
    gaps = (made[:, None] - real[None]).square().flatten(2).mean(-1)
    assert gaps.argmin(1).tolist() == [0, 1]


def test_a_student_is_asked_for_its_teachers_path():
    torch.manual_seed(0)
    teacher = Model()
    told = (torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1]))
    loss = distilled(teacher, told, 1, 1, 4, 7)  # in one step the teacher's own velocity is the whole path
    with torch.no_grad():
        assert float(loss(teacher, torch.Generator().manual_seed(0))) == pytest.approx(0, abs=1e-10)
        torch.nn.init.normal_(teacher.head.weight)
        assert float(loss(teacher, torch.Generator().manual_seed(0))) > 0.1


def test_rates_of_a_table_are_of_its_own_and_ranks_are_those_of_the_paper_that_fit():
    assert {*PLAN.tables} == {"Table 1", "Table 8", "Table 9"}
    assert {m.rank for m in PLAN.tables["Table 9"].values()} == {1, 64}
    assert {m.family for m in PLAN.tables["Table 8"].values()} == {"dora", "loha", "lokr"}
    for row, method in PLAN.methods.items():
        other = PLAN.methods[method.against]
        assert (other.placement, other.family, other.rank) == ("weight", method.family, method.rank), row


def test_a_sheet_is_kept_in_the_record_and_drawn_from_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    tiny = replace(diffusion.SIZES["quick"], base=6, target=2, adapter=2, judge=4, drawings=1)
    monkeypatch.setitem(diffusion.SIZES, "quick", tiny)
    rates = {row: {"rate": 1e-2} for row in PLAN.methods}
    rows = {row: {where: [0.25] for where in ("source", *PLAN.targets)} for row in sheet.ROWS}
    rows[sheet.RETRAINED] = {"continued": [0.25]}
    result = {"rates": rates, "rows": rows}
    found = sheet.painted(PLAN, result, 0, "quick", tmp_path)
    with Image.open(io.BytesIO(base64.b64decode(found["png"]))) as picture:
        assert picture.height == SIZE * len(found["strips"])
    assert len(found["strips"]) == 2 + 5 * (1 + len(PLAN.targets)) + 1
    assert {tuple(of[:2]) for of in found["strips"]} >= {
        ("real", ""),
        ("lora", "heads"),
        (sheet.RETRAINED, "continued"),
    }
    figure = sheet.draw(PLAN, {**result, "samples": found})
    assert sum(len(axes.get_images()) for axes in figure.axes) == len(found["strips"])


def test_an_adapter_of_no_strength_changes_no_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    tiny = replace(diffusion.SIZES["quick"], base=6, target=2, judge=4, drawings=1)
    monkeypatch.setitem(diffusion.SIZES, "quick", tiny)
    world = diffusion.world(1, "quick", tmp_path)
    assert {"source", *PLAN.targets} == {*world.models}
    one = adapted(world.models["source"], Method(placement="input", rank=2), world.layers, 0)
    for where, there in world.models.items():
        assert world.measure(moved(one, there), where) == world.measure(there, where)
        assert 0 <= world.own(there, where) <= 1


def test_the_command_writes_a_record_from_which_both_pictures_and_the_page_are_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    tiny = replace(diffusion.SIZES["quick"], base=6, target=2, adapter=2, judge=4, drawings=1)
    monkeypatch.setitem(diffusion.SIZES, "quick", tiny)
    few = replace(
        PLAN,
        related=("continued", "distilled"),
        methods={row: PLAN.methods[row] for row in ("lora", "residual", "opposite")},
        rule=replace(PLAN.rule, strengths=(1.0,), ladder=(1e-2,), first=(1e-2,), least=1),
        carried=False,
    )
    monkeypatch.setattr(command, "protocol", lambda name: few)
    assert diffusion.main(["--quick", "--jobs", "1", "--out", str(tmp_path)]) == 0
    assert "Table 1: minus what is copied on the weight" in capsys.readouterr().out
    assert {path.name for path in tmp_path.glob("*.png")} == {"diffusion.png", "diffusion_samples.png"}
    result = json.loads((tmp_path / "diffusion.json").read_text(encoding="utf-8"))["results"]
    assert set(result["also"]["misread"]) == {row for row in result["rows"] if " x " not in row}
    for target, method in PLAN.exact.items():
        assert result["rows"][method][target] == pytest.approx(result["rows"][method]["source"], rel=1e-3)
    assert "![Samples](diffusion_samples.png)" in page.section(few, result, "diffusion.png")
