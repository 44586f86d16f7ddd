"""Headers and aliases of anything: a value that is what it says, or one sentence of the package."""

import json
import os
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from ioadapt_theory.checkpoints.aliases import load_aliases
from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.errors import IoAdaptError

FUZZ = int(os.environ.get("FUZZ", "0"))
RULES = settings(max_examples=FUZZ // 10 or 100, deadline=None, derandomize=not FUZZ)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NUMBER = st.integers(-3, 10**13)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "BF16", "F8_E4M3", "C64", "F4", "", "\x1b[2J"]) | ANYTHING,
        "shape": st.lists(NUMBER, max_size=4) | ANYTHING,
        "data_offsets": st.lists(NUMBER, min_size=2, max_size=2) | ANYTHING,
    },
)
NAMES = st.sampled_from(["a.weight", "b", "__metadata__", "a\x1b]0;x\x07"]) | st.text(max_size=6)


@RULES
@given(
    st.dictionaries(NAMES, ENTRY | ANYTHING, max_size=4).map(lambda d: json.dumps(d).encode()) | st.binary(max_size=60)
)
def test_a_header_of_anything_is_tensors_inside_the_file_or_a_sentence(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("headers") / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(100))
    with suppress(IoAdaptError), open_file(path) as opened:
        assert sum(info.nbytes for info in opened.tensors.values()) == 100
        assert all(side >= 0 for info in opened.tensors.values() for side in info.shape)


@RULES
@given(
    st.dictionaries(
        st.from_regex(r"[a-z.\"]{1,6}", fullmatch=True), st.integers() | st.text(max_size=6), max_size=4
    ).map(lambda d: "\n".join(f"{key} = {json.dumps(value)}" for key, value in d.items()))
    | st.text(max_size=60)
)
def test_aliases_of_anything_are_aliases_or_a_sentence(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("aliases") / "own.toml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with suppress(IoAdaptError):
        assert set(load_aliases()) <= set(load_aliases(path))
