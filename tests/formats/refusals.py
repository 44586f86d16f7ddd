import pytest
from torch import nn

from ioadapt_theory import layers, load
from ioadapt_theory.errors import FileFormatError


def refused(model: nn.Module, path: object, match: str, kind: object = FileFormatError, **options: object) -> str:
    """Check that an adapter is refused with one sentence and no layer is adapted, and return the sentence."""
    with pytest.raises(kind, match=match) as caught:
        load(model, path, **options)
    assert "\n" not in str(caught.value).strip()
    assert not layers(model)
    return str(caught.value)
