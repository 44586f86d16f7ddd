import base64
import io
from dataclasses import replace

import pytest
import torch
from PIL import Image

from toys import control, diffusion, encoder
from toys.glyphs import sheet
from toys.glyphs.faces import FACES, JUDGES, LETTERS, OTHER, PATHS, POOL, SIZE, glyphs
from toys.glyphs.judges import Subject, judge
from toys.transfer import command, records
from toys.transfer.output import page
from toys.transfer.protocol import protocol

PLAN = protocol("diffusion")
ALL = range(len(LETTERS))


@pytest.fixture(scope="module")
def trained_judge(tmp_path_factory: pytest.TempPathFactory):
    return judge(tmp_path_factory.mktemp("judge"), 200)


def test_generators_judges_and_other_families_share_no_face_and_each_seed_has_an_unseen_one():
    assert len({*POOL, *OTHER, *JUDGES}) == len(POOL) + len(OTHER) + len(JUDGES)
    assert all(PATHS[face].exists() for face in (*FACES, *JUDGES))
    assert len({diffusion.subject(seed) for seed in range(PLAN.seeds)}) == PLAN.seeds
    assert all(diffusion.subject(seed) not in diffusion.seen(seed) for seed in range(PLAN.seeds))


def test_letters_and_ways_are_learnt_validated_or_tested():
    parts = (diffusion.LEARNT, diffusion.VALIDATED, diffusion.TESTED)
    assert sorted(k for part in parts for k in part) == [*ALL]
    assert not {*encoder.WAYS} & {*encoder.VALIDATED}
    assert not ({*encoder.WAYS, *encoder.VALIDATED} & {*encoder.TESTED} - {0})  # 0: faces of the training data
    assert sorted((*encoder.PICTURE, *encoder.ASKED)) == [*ALL]


def test_the_judge_finds_a_face_nearer_to_itself_than_to_others(trained_judge):
    distances = {}
    for face in POOL:
        real = Subject(trained_judge, glyphs([face], ALL, 1, 11)[0], torch.arange(len(LETTERS)))
        distances[face] = {f: real.compared(glyphs([f], ALL, 1, 12)[0])["distance"] for f in (*POOL, *OTHER)}
    nearest = [min(of, key=of.__getitem__) for of in distances.values()]
    assert sum(face == found for face, found in zip(POOL, nearest, strict=True)) >= len(POOL) - 2
    assert all(of[face] < 0.5 for face, of in distances.items())


def test_edges_of_a_square_are_its_outline_and_are_missed_where_they_are_not():
    x = -torch.ones(1, 1, SIZE, SIZE)
    x[..., 4:10, 4:10] = 1
    edges = control.edges(x)
    assert edges.sum() == 20
    assert edges[0, 0, 5:9, 5:9].sum() == 0
    assert control.missed(x, edges) == 0
    assert control.missed(x, edges.roll(8, -1)) == 1
    assert control.missed(x, edges * (torch.arange(SIZE) < 7)) == pytest.approx(1 - 2 * 10 / 30)


def test_unlikeness_is_that_of_the_definition():
    drawn = torch.Generator().manual_seed(0)
    x, y = (torch.rand(2, 1, 9, 9, generator=drawn) * 2 - 1 for _ in range(2))
    windows = []
    for k in range(2):
        for i in range(3):
            for j in range(3):
                a, b = (z[k, 0, i : i + 7, j : j + 7].flatten() for z in (x, y))
                both = torch.cov(torch.stack([a, b]), correction=0)
                means = (2 * a.mean() * b.mean() + 0.0004) / (a.mean() ** 2 + b.mean() ** 2 + 0.0004)
                windows.append(means * (2 * both[0, 1] + 0.0036) / (both[0, 0] + both[1, 1] + 0.0036))
    assert control.unlike(x, y) == pytest.approx(1 - float(sum(windows)) / len(windows), abs=1e-5)
    assert control.unlike(x, x) == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_the_command_writes_a_record_from_which_both_pictures_and_the_page_are_made(monkeypatch, tmp_path, capsys):
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
    assert "(Table 1 at small scale). The error" in capsys.readouterr().out
    assert {path.name for path in tmp_path.glob("*.png")} == {"diffusion.png", "diffusion_samples.png"}
    result = records.read(tmp_path / "diffusion.json")
    assert {"processor", "kernels", "python"} < set(result["config"])
    assert set(result["also"]["misread"]) == {row for row in result["rows"] if " x " not in row}
    for target, method in few.exact.items():
        assert result["rows"][method][target] == pytest.approx(result["rows"][method]["source"], rel=1e-3)
    assert "](diffusion_samples.png)" in page.summary(few, result)
    strips = result["samples"]["strips"]
    with Image.open(io.BytesIO(base64.b64decode(result["samples"]["png"]))) as picture:
        assert picture.height == SIZE * len(strips)
    assert {tuple(of[:2]) for of in strips} >= {("real", ""), ("lora", "heads"), (sheet.RETRAINED, "continued")}
