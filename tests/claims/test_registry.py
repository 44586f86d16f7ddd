"""The registry: every file that states claims is listed, ids are unique, witnesses are used, loading is cheap."""

import subprocess
import sys
from pathlib import Path

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.instances import SHIPPED, witnesses
from ioadapt_theory.claims.registry import FILES

ROOMS = ("statements", "beyond", "words", "effect")
FOLDER = Path(str(SHIPPED)).parent


def test_every_file_that_states_claims_is_listed_once() -> None:
    files = {
        f"ioadapt_theory.claims.{'.'.join(p.relative_to(FOLDER).with_suffix('').parts)}"
        for room in ROOMS
        for p in (FOLDER / room).rglob("*.py")
        if p.stem != "__init__"
    }
    assert files == {file.__name__ for file in FILES}


def test_no_id_is_given_twice() -> None:
    stated = [claim.id for file in FILES for claim in file.CLAIMS]
    assert stated == list(CLAIMS)


def test_every_shipped_instance_is_about_a_claim() -> None:
    used = {name for claim in CLAIMS.values() for name in (*claim.witnesses, *claim.attained)}
    assert used == set(witnesses())


def test_loading_the_registry_loads_no_computer_algebra() -> None:
    heavy = "sympy", "flint", "scipy", "matplotlib"
    program = f"import sys, ioadapt_theory.claims; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_folder_of_claims_holds_more_than_twelve_modules() -> None:
    counts = {f: len(list(f.glob("*.py"))) for f in (FOLDER, *(p for p in FOLDER.iterdir() if p.is_dir()))}
    assert max(counts.values()) <= 12, counts
