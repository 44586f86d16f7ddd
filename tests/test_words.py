"""What new users mistype or bring along from elsewhere gets one sentence that names the way out."""

import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

import ioadapt_theory
from ioadapt_theory import adapt, save
from ioadapt_theory.adapters.config import translated
from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.cli import main
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, near_misses

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("typed", ["prop2", "Prop. 2", "prop-2", "Proposition 2", "PROP_2"])
def test_a_claim_by_its_number_suggests_its_readings(typed: str, capsys: pytest.CaptureFixture[str]):
    assert main(["claims", typed]) == 2
    assert f"No claim {typed!r}. Did you mean 'prop-2-input' or 'prop-2-output'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lemma1", "lemma-1"),
        ("Eq. 5", "eq-5"),
        ("prop4", "prop-4"),
        ("prop-22", "prop-2-input"),
        ("prop-2-inputs", "prop-2-input"),
    ],
)
def test_the_claim_itself_is_suggested_first(typed: str, meant: str):
    assert near_misses(typed, CLAIMS)[0] == meant


def test_of_many_known_names_some_are_listed_and_the_rest_counted():
    sentence = str(UnknownNameError("thing", "zzz", (f"name{k:03}" for k in range(100))))
    assert sentence.endswith("name011 and 88 more.")
    assert "Did you mean" not in sentence


def test_one_claim_is_not_claims(capsys: pytest.CaptureFixture[str]):
    assert main(["claims", "prop-4"]) == 0
    assert "1 claim with a formula: 1 proved." in capsys.readouterr().out


@pytest.mark.parametrize("value", ["16", "sixteen", ""])
def test_a_number_in_quotes_is_no_sequence_of_digits(value: str):
    with pytest.raises(InvalidValueError, match=f"alpha is '{value}'; it is a finite number"):
        adapt(nn.Sequential(nn.Linear(4, 3)), target_modules=["0"], alpha=value)


@pytest.mark.parametrize(("name", "here"), [("r", "rank"), ("lora_alpha", "alpha"), ("lora_dropout", "dropout")])
def test_names_of_peft_are_taken(name: str, here: str):
    assert translated({"target_modules": ["0"], name: 2})[here] == 2


def test_an_option_of_nobody_is_named_with_what_is_near():
    with pytest.raises(UnknownNameError, match=r"No option 'ranks'\. Did you mean 'rank'"):
        adapt(nn.Sequential(nn.Linear(4, 3)), target_modules=["0"], ranks=4)


@pytest.mark.parametrize("given", [{"target_modules": ["0"]}, ["0"], "0", 4])
def test_a_configuration_of_another_kind_is_one_sentence(given: object):
    with pytest.raises(InvalidValueError, match="give an AdapterConfig, or its fields as keywords"):
        adapt(nn.Sequential(nn.Linear(4, 3)), given)


def test_a_lora_config_of_peft_is_one_sentence():
    config = pytest.importorskip("peft").LoraConfig(target_modules=["0"])
    with pytest.raises(InvalidValueError, match=r"The configuration is a LoraConfig; give an AdapterConfig"):
        adapt(nn.Sequential(nn.Linear(4, 3)), config)


def test_saving_with_the_arguments_exchanged_is_one_sentence(tmp_path: Path):
    with pytest.raises(InvalidValueError, match=r"not a PosixPath: save\(model, folder\)"):
        save(tmp_path, nn.Linear(2, 2))


def test_a_layer_that_cannot_be_adapted_is_named_without_an_article():
    with pytest.raises(ioadapt_theory.IoAdaptError, match=r"Embedding cannot be adapted") as found:
        adapt(nn.Sequential(nn.Embedding(4, 3)), target_modules=["0"])
    assert "A Embedding" not in str(found.value)


def test_the_package_has_its_version():
    from importlib.metadata import version

    assert ioadapt_theory.__version__ == version("ioadapt-theory")


def test_a_toy_runs_where_only_the_package_is_installed():
    """Whatever tells Python of this repository is taken away; the script's own folder stays."""
    program = """
import sys
from pathlib import Path
sys.meta_path = [f for f in sys.meta_path if "editable" not in type(f).__module__]
sys.path = [p for p in sys.path if not (Path(p) / "toys" / "crescent.py").is_file()]
sys.path.insert(0, str(Path("toys").resolve()))
import toys.common.command_line, toys.plane.world
print(toys.plane.world.__file__)
"""
    command = [sys.executable, "-P", "-c", program]
    environment = {"PYTHONPATH": "", "PATH": "", "HOME": "/nonexistent"}
    # the package itself is not installed apart from its repository here, so what is missing is that and not toys
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "No module named 'toys'" not in done.stderr
    assert done.returncode == 0 or "No module named 'ioadapt_theory'" in done.stderr


def test_who_labels_molecules_is_told_what_it_needs(capsys: pytest.CaptureFixture[str]):
    script = ROOT / "toys" / "data" / "make_molecules.py"
    done = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "rdkit" in done.stdout


def test_ctrl_c_while_the_demo_begins_is_one_sentence():
    import os
    import signal
    import time

    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "toys.page.demo"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    # Python ends by the signal itself where it was caught inside an exec(); a shell shows 130 for both.
    assert process.returncode in {130, -signal.SIGINT}, told
    assert b"Traceback" not in told
    assert told.decode().strip().splitlines()[-1] == "demo: interrupted."
