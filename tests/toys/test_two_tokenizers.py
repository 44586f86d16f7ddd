"""The study of two tokenizers, on tiny Llamas without the weights."""

import json
from typing import Any

import pytest
import torch

from figures import readme
from tests.cli.test_two_tokenizers import llama
from tests.effect.tokenizers import byte_level, unigram
from toys import two_tokenizers
from toys.llm import pairs
from toys.llm.pairs import GEMMA, NONE, OWN, SMOLLM2, Part


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = byte_level(), unigram()
    models = [llama(len(one), 2).requires_grad_(False), llama(len(two), 3).requires_grad_(False)]
    monkeypatch.setattr(pairs, "smollm2", lambda: models[0])
    monkeypatch.setattr(pairs, "tokenizer", lambda: one)
    monkeypatch.setattr(pairs, "_gemma", lambda _: (models[1], two))
    words = {"training": "the cat sat on a mat, ", "test": "on a mat the cat sat ", "unlabelled": "a mat, the cat on "}
    monkeypatch.setattr(pairs, "read", lambda task, part: 150 * words[part])
    for name, value in {"LENGTH": 8, "TESTED": 3, "UNLABELLED": 12, "STEPS": 3}.items():
        monkeypatch.setattr(pairs, name, value)
    pairs.cut.cache_clear()
    yield
    pairs.cut.cache_clear()


def test_a_study_of_tiny_models_writes_a_record_and_resumes(tiny, tmp_path, monkeypatch, capsys):
    for name, some in (("MOVED", ("closed form", "10 steps")), ("LABELLED", ("40 steps with labels",))):
        few = {row: 15 if name == "LABELLED" else getattr(pairs, name)[row] for row in some}
        monkeypatch.setattr(pairs, name, few)
        monkeypatch.setattr(two_tokenizers, name, few)
    command = ["here", "--from", SMOLLM2, "--task", "slavic", "--out", str(tmp_path)]
    assert two_tokenizers.main(command) == 0
    said = capsys.readouterr().out
    assert "SmolLM2 to Gemma, slavic, 1 seed: the LoRA lowers the source's loss from" in said
    runs = json.loads((tmp_path / "two_tokenizers.json").read_text())["results"]["runs"]
    assert [one["row"] for one in runs] == [OWN, NONE, "closed form", "10 steps", "40 steps with labels"]
    assert len({one["bytes"] for one in runs}) == 1
    assert sum(runs[-1]["nats"]) < sum(runs[1]["nats"])  # labels help
    monkeypatch.setattr(Part, "_compute", None)
    assert two_tokenizers.main(command) == 0
    monkeypatch.setattr(two_tokenizers, "RECORD", tmp_path / "two_tokenizers.json")
    assert "| 10 steps | " in readme.SECTIONS["tokenizers"]()
    monkeypatch.setattr(two_tokenizers, "RECORD", tmp_path / "none.json")
    assert readme.SECTIONS["tokenizers"]().startswith("There is no record yet")


def test_shares_are_those_of_the_gain_in_the_source() -> None:
    def run(row: str, nats: list[float], **more: Any) -> dict[str, Any]:
        return {"source": GEMMA, "task": "t", "seed": 0, "row": row, "nats": nats, "bytes": 10, "seconds": 7.0, **more}

    runs = [run(OWN, [3.0, 5.0], plain=[4.0, 6.0]), run(NONE, [5.0, 5.0]), run("10 steps", [4.5, 4.0], predicted=0.7)]
    shown = two_tokenizers.markdown(runs)
    assert "Gemma to SmolLM2, t, 1 seed: the LoRA lowers the source's loss from 1.000 to 0.800." in shown
    assert "| no adapter | 1.000 |  |  |  |" in shown
    assert "| 10 steps | 0.850 | 0.75 ± " in shown
    assert shown.rstrip().endswith("| 0.70 | 7 |")


def test_the_loss_of_a_text_is_that_of_all_its_tokens(tiny: None) -> None:
    model, reads = pairs.smollm2(), pairs.tokenizer()
    ids = reads("the cat sat", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        mean = float(model(input_ids=ids, labels=ids).loss)
    assert pairs.nats(model, reads, ["the cat sat"]) == pytest.approx([mean * (ids.shape[1] - 1)], rel=1e-5)
