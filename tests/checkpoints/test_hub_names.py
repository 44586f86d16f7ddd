"""The layers of a model on the hub have the names of its modules, as those of a folder on this machine."""

from pathlib import Path
from typing import Any

import pytest
import transformers as hf

from ioadapt_theory.adapters.base_weights import checkpoint_weights
from ioadapt_theory.checkpoints.sources import open_checkpoint
from tests.adapters.foreign import quiet
from tests.checkpoints.hub import LoopbackHub, Repo

SIZES: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.mark.filterwarnings("ignore")
def test_the_configuration_is_fetched_once_and_may_be_missing(hub: LoopbackHub, hub_cache: Path, tmp_path: Path):
    model = quiet(lambda: hf.ViTModel(hf.ViTConfig(**SIZES, image_size=8, patch_size=4)))
    model.save_pretrained(tmp_path / "vit")
    files = {p.name: p.read_bytes() for p in (tmp_path / "vit").iterdir()}
    hub.repos["own/vit"] = Repo(files)
    with open_checkpoint("own/vit", cache=hub_cache, progress=False) as checkpoint:
        weights = checkpoint_weights(checkpoint)
        assert "layers.1.attention.q_proj" in weights.names
        assert len(hub.asked_for("config.json")) == 1
    hub.repos["own/bare"] = Repo({k: v for k, v in files.items() if k.endswith(".safetensors")})
    with open_checkpoint("own/bare", cache=hub_cache, progress=False) as checkpoint:
        assert "encoder.layer.1.attention.attention.query" in checkpoint_weights(checkpoint).names
