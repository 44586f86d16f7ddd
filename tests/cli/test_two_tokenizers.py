"""`ioadapt transfer` and `report` for two text models whose tokenizers differ."""

import copy
import json
import random

import peft
import pytest
import torch

from ioadapt_theory.effect.pairing import paired
from ioadapt_theory.maps.counterparts import counterparts
from tests.adapters.foreign import tiny_llama
from tests.effect.tokenizers import byte_level, permuted, tokenizers, transformers

pytestmark = pytest.mark.filterwarnings("ignore")


def llama(vocabulary: int, blocks: int = 1):
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    model = tiny_llama(0, blocks, vocab_size=vocabulary, **heads, max_position_embeddings=2048)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3)  # so that the outputs depend on the text
    return model.eval()


@pytest.fixture
def folders(here):
    """Two Llamas of one function with a permuted vocabulary, and a LoRA of the first."""
    one = byte_level()
    source, order = llama(len(one)), torch.randperm(len(one))
    target = copy.deepcopy(source)
    with torch.no_grad():
        target.model.embed_tokens.weight[order] = source.model.embed_tokens.weight
        target.lm_head.weight[order] = source.lm_head.weight
    for name, model, tokenizer in (("source", source, one), ("target", target, permuted(one, order))):
        model.save_pretrained(here / name)
        tokenizer.save_pretrained(here / name)
    kind = {"target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM", "init_lora_weights": False}
    peft.get_peft_model(source, peft.LoraConfig(r=2, **kind)).save_pretrained(here / "lora")
    drawn = random.Random(0)
    text = "".join(drawn.choice("the cat sat on a mat, café\n") for _ in range(3000))
    (here / "text.txt").write_text(text)
    return here


def test_a_lora_comes_to_a_model_with_another_tokenizer_and_does_the_same(folders, ioadapt):
    out, err = ioadapt("transfer lora source target --inputs text.txt --steps 0 --out out --format json")
    assert json.loads(out)["kept"] == pytest.approx(1, abs=0.01)
    assert "Paired: " in err
    loaded = [transformers.AutoModelForCausalLM.from_pretrained(folders / name) for name in ("source", "target")]
    tokens = [transformers.AutoTokenizer.from_pretrained(folders / name) for name in ("source", "target")]
    pairs = paired(["the cat sat on the mat"], *tokens)
    adapted = [
        peft.PeftModel.from_pretrained(model, folders / name)
        for model, name in zip(loaded, ("lora", "out"), strict=True)
    ]
    with torch.no_grad():
        one, two = (pairs.call(m, batch) for m, batch in zip(adapted, (pairs.source, pairs.target), strict=True))
    assert (one - two).norm() < 0.02 * one.norm()


def test_a_report_tells_what_a_copy_keeps_on_another_tokenizer(folders, ioadapt):
    assert "labels" in ioadapt("report lora source target --inputs text.txt").out


def test_a_tokenizer_without_common_tokens_is_refused_with_the_numbers(folders, ioadapt):
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0, "xylophone": 1}, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    other = transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")
    other.save_pretrained(folders / "target")
    line = "transfer lora source target --inputs text.txt --out out"
    ioadapt.refuses(line, "tokens can be paired (0.0%, at least 10%)")
    assert not (folders / "out").exists()


@pytest.mark.parametrize(
    ("depths", "expected"),
    [((3, 3), {0: 0, 1: 1, 2: 2}), ((5, 3), {0: 0, 2: 1, 4: 2}), ((3, 5), {0: 0, 1: 2, 2: 4}), ((4, 1), {0: 0})],
)
def test_blocks_are_matched_by_relative_depth(depths: tuple[int, int], expected: dict[int, int]):
    source, target = (llama(40, blocks) for blocks in depths)
    names = [f"model.layers.{k}.self_attn.{end}" for k in range(depths[0]) for end in ("q_proj", "v_proj")]
    found, lost = counterparts(source, target, [*names, "lm_head"], None, "depth")
    blocks = {int(one.split(".")[2]): int(two.split(".")[2]) for one, (two,) in found.items() if one != "lm_head"}
    assert blocks == expected
    assert found["lm_head"] == ("lm_head",)
    assert len(lost) == 2 * (depths[0] - len(expected))


def test_blocks_of_an_encoder_and_of_a_decoder_are_matched_separately():
    sizes = {"vocab_size": 40, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_heads": 2}
    config = [transformers.T5Config(**sizes, num_layers=n, num_decoder_layers=n) for n in (2, 3)]
    source, target = map(transformers.T5ForConditionalGeneration, config)
    encoder = transformers.T5EncoderModel(config[1])
    names = [n for n, m in source.named_modules() if isinstance(m, torch.nn.Linear) and n != "lm_head"]
    found, lost = counterparts(source, target, names, None, "depth")
    assert not lost
    last = {n: (n.replace("block.1", "block.2"),) for n in names}
    assert found == last
    found, lost = counterparts(source, encoder, names, None, "depth")
    assert found == {n: last[n] for n in names if n.startswith("encoder")}
    assert [*lost] == [n for n in names if n.startswith("decoder")]
