"""First lines that people write, and that cannot work: the error says what to do instead."""

from pathlib import Path

import pytest
from diffusers import StableDiffusionPipeline
from torch import nn

from ioadapt_theory import load, report, save, transfer
from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.cli import main
from ioadapt_theory.errors import IoAdaptError, UnknownNameError, near_misses


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3))


class Pipe(StableDiffusionPipeline):
    def __init__(self) -> None:
        """Have the components of a pipeline without their weights."""

    @property
    def components(self) -> dict[str, object]:
        return {"unet": net(), "scheduler": None}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (lambda: transfer("a.safetensors", net()), "not str; load it first, or use `ioadapt transfer"),
        (lambda: transfer(net(), net()), "The source has no adapter; put one on it"),
        (lambda: load(Pipe(), "lora.safetensors"), "not Pipe; give one of its models, such as .unet"),
        (lambda: load("model", "lora.safetensors"), "not str; give a model: load(model, path)"),
        (lambda: report(net(), net(), "lora.safetensors"), "not the file lora.safetensors; load(source, file) first"),
        (lambda: save(Path(), net()), "not PosixPath; call save(model, folder)"),
        (lambda: report("a", "b"), "use `ioadapt report [ADAPTER] SOURCE TARGET --inputs"),
    ],
)
def test_the_error_says_what_to_do(line, told):
    with pytest.raises(IoAdaptError) as error:
        line()
    assert told in str(error.value)


def test_a_claim_by_its_number_is_its_readings(capsys: pytest.CaptureFixture[str]):
    assert main(["claims", "Proposition 2"]) == 0
    assert {"prop-2-input", "prop-2-output"} < {*capsys.readouterr().out.split()}


@pytest.mark.parametrize(
    ("typed", "meant"), [("Eq. 5", "eq-5"), ("prop-22", "prop-2-input"), ("prop-2-inputs", "prop-2-input")]
)
def test_the_claim_itself_is_suggested_first(typed: str, meant: str):
    assert near_misses(typed, CLAIMS)[0] == meant


def test_of_many_known_names_some_are_listed_and_the_rest_counted():
    sentence = str(UnknownNameError("thing", "zzz", (f"name{k:03}" for k in range(100))))
    assert sentence.endswith("name011 and 88 more.")
    assert "Did you mean" not in sentence
