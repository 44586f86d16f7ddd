"""Typical mistakes of new users raise errors of one sentence with a remedy."""

from pathlib import Path

import pytest
from torch import nn

from ioadapt_theory import save
from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.cli import main
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, near_misses


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


def test_saving_with_the_arguments_exchanged_is_one_sentence(tmp_path: Path):
    with pytest.raises(InvalidValueError, match=r"not PosixPath; call save\(model, folder\)"):
        save(tmp_path, nn.Linear(2, 2))
