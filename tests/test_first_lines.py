"""First lines that people write, and that cannot work: the error says what to do instead."""

from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import nn

from ioadapt_theory import adapt, load, report, save, transfer
from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.cli import MISUSE, main
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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("transfer model.safetensors a b --inputs x --out o", "is a checkpoint of a model (2 weights), not an adapter"),
        (
            "transfer a.safetensors b lora --inputs x --out o",
            "lora is the adapter; give it first: ioadapt transfer lora",
        ),
        ("transfer lora ./a ./b --out o", "a does not exist; give a single file, the folder"),
        ("transfer lora ./y.txt ./b --out o", "y.txt is not a file of weights; give a single file"),
        ("transfer lora a b --inputs x", "--out is missing; give the file or folder to write"),
        ("adapters bake lora out --base model.safetensors", "'out' is one argument too many; give --out out."),
        ("transfer", "The following arguments are required: ADAPTER; see `ioadapt transfer --help`."),
        (
            "transfer k.safetensors a b --out o",
            "--out o must be a file that ends in .safetensors, since k.safetensors is",
        ),
        ("transfer lora a b --inputs x --out o.safetensors", "--out o.safetensors must be a folder, since lora has"),
        ("resize lora model.safetensors --out o", "Give --rank R or --share F, and not both."),
        ("extract a b --rank 2 --out o", "Give unlabelled inputs: --prompts FILE for diffusion models"),
        ("report a b c d", "Give two models, or an adapter and two models"),
    ],
)
def test_the_command_says_what_to_do(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_file({"a.weight": torch.ones(3, 2), "a.bias": torch.ones(3)}, "model.safetensors")
    save(adapt(net(), target_modules=["0"], placement="input"), "lora")
    save_file({"b.weight": torch.ones(3, 2)}, "a.safetensors")
    Path("y.txt").write_text("a text")
    save_file({f"lora_unet_x.lora_{end}.weight": torch.ones(2, 2) for end in ("down", "up")}, "k.safetensors")
    assert main(words.split()) == MISUSE
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_a_claim_by_its_number_is_its_readings(capsys: pytest.CaptureFixture[str]):
    assert main(["claims", "Proposition 2"]) == 0
    assert {"prop-2-input", "prop-2-output"} < {*capsys.readouterr().out.split()}
    assert main(["claims", "prop2"]) == 2
    assert "Unknown claim 'prop2'. Did you mean 'prop-2-input' or 'prop-2-output'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "meant"), [("Eq. 5", "eq-5"), ("prop-22", "prop-2-input"), ("prop-2-inputs", "prop-2-input")]
)
def test_the_claim_itself_is_suggested_first(typed: str, meant: str):
    assert near_misses(typed, CLAIMS)[0] == meant


def test_of_many_known_names_some_are_listed_and_the_rest_counted():
    sentence = str(UnknownNameError("thing", "zzz", (f"name{k:03}" for k in range(100))))
    assert sentence.endswith("name011 and 88 more.")
    assert "Did you mean" not in sentence
