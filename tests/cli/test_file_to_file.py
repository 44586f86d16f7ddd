"""`ioadapt transfer` and `ioadapt adapters bake` from one file of a LoRA to another, with single files as models."""

import json
import shutil

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ioadapt_theory.adapters import disable, remove
from ioadapt_theory.cli import MISUSE
from ioadapt_theory.formats import load
from ioadapt_theory.models.prompts import batches
from ioadapt_theory.models.sources import open_source
from tests.cli.pipelines import METADATA, kohya, pair

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("float32")]


@pytest.fixture(
    scope="module", params=["sd", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("sd2", "sdxl"))]
)
def world(request, tmp_path_factory):
    """Return a folder with two models as pipelines and single files, and a LoRA for the first one and its encoders."""
    folder = tmp_path_factory.mktemp("world")
    old = pair(folder, request.param)
    return folder, kohya(folder / "style.safetensors", old, ldm=request.param == "sdxl"), [*old]


def metadata(path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata()


def check_same(path, tensors) -> None:
    """Check that a file has the keys, dtypes, shapes, alphas and metadata of the input's, and few entries of ours."""
    written, header = load_file(path), metadata(path)
    assert written.keys() == tensors.keys()
    assert all((t.dtype, t.shape) == (written[key].dtype, written[key].shape) for key, t in tensors.items())
    assert all(torch.equal(t, written[key]) for key, t in tensors.items() if key.endswith("alpha"))
    assert header.items() >= METADATA.items()
    ours = {key: value for key, value in header.items() if key not in METADATA}
    assert sum(map(len, ours.values())) < 1000


def test_single_files_are_the_models_of_the_pipeline(world):
    folder, _, parts = world
    file, pipe = open_source(folder / "old.safetensors"), open_source(folder / "old")
    assert [*file.parts] == [*pipe.parts] == parts
    for part in parts:
        one, other = (dict(some.load(part).named_parameters()) for some in (file, pipe))
        assert one.keys() == other.keys()
        assert all(torch.equal(p, other[name]) for name, p in one.items())


@pytest.fixture
def linked(world, here):
    """Return the tensors of the LoRA and the parts; the folder in which commands run has links to the files."""
    folder, tensors, parts = world
    for path in folder.iterdir():
        (here / path.name).symlink_to(path)
    return tensors, parts


def moving(more: str = "", models: str = "style.safetensors old.safetensors new.safetensors") -> str:
    return f"transfer {models} --prompts prompts.txt --steps 0 --rows 24 --out moved.safetensors {more}"


def test_one_command_moves_all_parts_from_file_to_file(linked, ioadapt):
    tensors, parts = linked
    told = ioadapt(moving("--format json"))
    shares = json.loads(told.out)["parts"]
    assert [*shares] == parts
    assert all(one["kept"] > 0.3 for one in shares.values())
    assert "wrote moved.safetensors (" in told.err
    check_same("moved.safetensors", tensors)
    xl = "text_encoder_2" in parts
    pipe = (StableDiffusionXLPipeline if xl else StableDiffusionPipeline).from_pretrained("new")
    pipe.load_lora_weights("moved.safetensors")
    assert {*pipe.get_list_adapters()} == {*parts}


def test_only_the_same_command_replaces_its_output(linked, ioadapt):
    for _ in range(2):
        told = ioadapt(moving("--component text_encoder --quiet"))
    assert len(told.out.partition("\n\n")[0].splitlines()) <= 20
    assert "layers of unet are left out: --component is text_encoder." in told.err
    shutil.copy("style.safetensors", "moved.safetensors")
    ioadapt.refuses(moving("--component text_encoder --quiet"), "was not written by this command; pass --force")


def test_a_file_without_text_encoders_is_told_and_a_copy_without_steps_is_predicted_from_all_rows(linked, ioadapt):
    for name in ("old", "new"):
        unet = {key: t for key, t in load_file(f"{name}.safetensors").items() if "diffusion_model" in key}
        save_file(unet, f"{name}_unet.safetensors")
    models = "style.safetensors old_unet.safetensors new_unet.safetensors"
    told = ioadapt(moving("--config old --format json", models))
    assert "new_unet.safetensors has no text encoder; its prompts are read by those of old" in told.err
    assert json.loads(told.out)["rows"] == {"fit": 0, "select": 0, "test": 24}


def test_a_baked_file_stays_itself_and_leaves_nothing_out_in_silence(linked, ioadapt):
    tensors, parts = linked
    line = "adapters bake style.safetensors --out baked.safetensors --force --base"
    for base in ("new.safetensors", "new"):
        ioadapt(f"{line} {base}")
        check_same("baked.safetensors", tensors)
    ioadapt(f"{line} new --dtype float32")
    dtypes = {t.dtype for key, t in load_file("baked.safetensors").items() if not key.endswith("alpha")}
    assert dtypes == {torch.float32}
    words = "layers of text_encoder", "choose one part with --component, or pass --partial"
    ioadapt.refuses(f"{line} new/unet", *words)
    assert "of text_encoder" in ioadapt(f"{line} new/unet --partial").err
    assert all(key.startswith("lora_unet_") for key in load_file("baked.safetensors"))
    assert "of text_encoder" in ioadapt("adapters inspect style.safetensors --base new/unet").out
    told = load(open_source("new").load("unet"), "style.safetensors", component="unet")
    assert {*told.left_out} == {part for part in parts if part != "unet"}


def test_a_file_is_resized(linked, ioadapt):
    tensors, _ = linked
    line = "resize style.safetensors {} --out small.safetensors --prompts prompts.txt --rows 24 --steps 3 --rank {}"
    wrong = line.format("no_such_model", 0)  # refused before models are loaded
    ioadapt.refuses(wrong, "rank must be a whole number, at least 1, not 0.")
    ioadapt(line.format("old.safetensors", 1))
    small = load_file("small.safetensors")
    assert small.keys() == tensors.keys()
    assert {t.shape[0] for key, t in small.items() if "lora_down" in key} == {1}
    assert {float(t) for key, t in small.items() if "alpha" in key} == {1.0}  # alpha / rank stays 1
    assert metadata("small.safetensors")["ss_network_alpha"] == "1.0"


def test_a_lora_is_extracted(linked, ioadapt):
    _, parts = linked
    line = "extract {} old.safetensors --rank 2 --out out.safetensors --prompts prompts.txt --rows 24 --steps 3 {}"
    told = ioadapt(line.format("new.safetensors", "--format json"))
    assert [*json.loads(told.out[told.out.index("{\n") :])["parts"]] == parts
    assert "wrote" in told.err
    assert {key.partition("_")[0] for key in load_file("out.safetensors")} == {"lora"}
    ioadapt.refuses(line.format("old.safetensors", "--force"), "has the weights of")


def test_a_map_of_one_part_moves_it_and_names_the_others(linked, ioadapt):
    tensors, parts = linked
    ioadapt("map old new --prompts prompts.txt --rows 24 --layers to_q to_out.0 --out m.safetensors")
    told = ioadapt("transfer style.safetensors --map m.safetensors --out moved").err
    assert all(f"layers of {part} " in told for part in parts[1:])
    written = load_file("moved/style.safetensors").keys()
    assert written == {k for k in tensors if k.startswith("lora_unet") and "_to_v." not in k}


def test_an_adapter_of_another_model_is_refused_and_prompts_without_its_trigger_word_are_told(linked, here, ioadapt):
    tensors, _ = linked
    other = {k if "attn1_to_q" in k else k.replace("lora_unet_", "lora_unet_x_"): t for k, t in tensors.items()}
    save_file(other, "other.safetensors", METADATA)
    (here / "cats.txt").write_text("a cat\n" * 24)
    told = ioadapt(moving("--prompts cats.txt", "other.safetensors old.safetensors new.safetensors"), MISUSE).err
    assert "do not fit SOURCE" in told
    assert "SOURCE must be the adapter's base model." in told
    assert "No prompt has 'zwx cat', the most frequent tag of" in told
    assert not (here / "moved.safetensors").exists()


def test_models_of_different_kinds_of_pipelines_are_refused(linked, here, ioadapt):
    shutil.copytree("new", "other")
    config = here / "other/unet/config.json"
    other = None if "text_time" in config.read_text() else "text_time"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"addition_embed_type": other}))
    line = moving("--component text_encoder", "style.safetensors old.safetensors other")
    ioadapt.refuses(line, "give two models of one kind.")


@torch.no_grad()
def test_a_unet_reads_its_prompts_through_moved_text_encoders_while_its_own_adapter_is_active(world):
    folder, _, parts = world
    source = open_source(folder / "old")
    unet, inputs = source.load("unet"), (["zwx cat"], source, source, "unet")
    for part in parts:
        load(source.load(part), folder / "style.safetensors", component=part, strict=False)
    made = batches(*inputs, rows=24, seed=0)
    adapted = made.call(unet, made.source[0]).sample
    with disable(unet):
        plain = made.call(unet, made.source[0]).sample
        for part in parts[1:]:
            remove(source.load(part))
        (bare,) = batches(*inputs, rows=24, seed=0).source
        assert torch.equal(unet(**bare).sample, plain)
    assert not torch.allclose(unet(**bare).sample, adapted)


@torch.no_grad()
def change(folder, file, prompts):
    """Return the change of a UNet's outputs on prompts by a LoRA for it and its text encoders."""
    xl = (folder / "text_encoder_2").is_dir()
    pipe = (StableDiffusionXLPipeline if xl else StableDiffusionPipeline).from_pretrained(folder)
    draw = torch.Generator().manual_seed(9)
    latents = torch.randn(len(prompts), 4, 8, 8, generator=draw)
    times = torch.randint(1000, (len(prompts),), generator=draw)

    def outputs():
        count = {"num_images_per_prompt": 1, "do_classifier_free_guidance": False}
        text, _, *pooled = pipe.encode_prompt(prompts, device="cpu", **count)
        ids = torch.tensor([64.0, 64, 0, 0, 64, 64]).repeat(len(prompts), 1)
        more = {"added_cond_kwargs": {"text_embeds": pooled[0], "time_ids": ids}} if xl else {}
        return pipe.unet(latents, times, text, **more).sample

    plain = outputs()
    pipe.load_lora_weights(file)
    return outputs() - plain


@pytest.mark.parametrize("world", [pytest.param(k, marks=pytest.mark.slow) for k in ("sd2", "sdxl")], indirect=True)
def test_what_is_predicted_of_all_parts_is_measured_with_new_noise(linked, here, ioadapt):
    told = ioadapt(moving("--format json --rows 96"))
    assert "The share of unet is that of all parts together" in told.err
    predicted = json.loads(told.out)["parts"]["unet"]["kept"]
    prompts = (here / "prompts.txt").read_text().splitlines()
    d, e = change(here / "old", "style.safetensors", prompts), change(here / "new", "moved.safetensors", prompts)
    assert float((2 * d * e - e.square()).sum() / d.square().sum()) == pytest.approx(predicted, abs=0.15)
