r"""Train an adapter in your own loop, predict whether it works on another model, move it there, and export it.

Real models: ``--source meta-llama/Llama-3.2-1B --target meta-llama/Llama-3.2-1B-Instruct --texts yours.jsonl`` (one
{"text": ...} per line), without ``--steps``; examples/what_it_costs.py estimates the cost. To try it:

    python examples/tiny.py llama out/llama
    python examples/tiny.py llama out/tuned --like out/llama
    python examples/plain_loop.py --placement input --source out/llama --target out/tuned \
        --texts out/llama/texts.jsonl --steps 20
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ioadapt_theory import adapt, load, merge, save
from ioadapt_theory.cli import main as ioadapt
from ioadapt_theory.presets import PRESETS
from ioadapt_theory.reporting import report, to_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, help="model to train on")
    parser.add_argument("--target", required=True, help="model to move the adapter to")
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--preset", default="commonsense", choices=("commonsense", "metamath"))
    parser.add_argument("--placement", required=True, help="input, output, weight or residual")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("out/adapter"))
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    preset = PRESETS[args.preset]

    # 1. train
    tokenizer = AutoTokenizer.from_pretrained(args.source)
    texts = [json.loads(line)["text"] for line in args.texts.read_text(encoding="utf-8").splitlines()]
    model = AutoModelForCausalLM.from_pretrained(args.source).to(device)
    adapt(model, **preset.adapter("lora", args.placement))
    optimizer = preset.optimizer_for(p for p in model.parameters() if p.requires_grad)
    model.train()
    for step in range(args.steps):
        some = [texts[(step * preset.batch_size + i) % len(texts)] for i in range(preset.batch_size)]
        batch = tokenizer(some, return_tensors="pt", padding=True, truncation=True, max_length=preset.length).to(device)
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        loss = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 10 == 0 or step == args.steps - 1:
            print(f"step {step}: loss {loss.item():.3f}")

    # 2. predict from unlabelled inputs what share of its gain the adapter keeps on the target
    model.eval()
    target = AutoModelForCausalLM.from_pretrained(args.target).to(device).eval()
    batch = tokenizer(texts[:64], return_tensors="pt", padding=True).to(device)
    told = report(model, target, inputs=dict(batch), names=(args.source, args.target, None))
    print(to_text(told))

    # 3. save the adapter, and load it on the target
    save(model, args.out)
    print(load(target, args.out))

    # 4. export: the adapter itself (args.out) or, for users without this package, plain weights or a plain LoRA
    merge(target, unload=True).save_pretrained(args.out / "merged")
    tokenizer.save_pretrained(args.out / "merged")
    ioadapt(["adapters", "bake", str(args.out), "--out", str(args.out / "lora"), "--base", args.target])
    print(
        f"Saved the adapter in {args.out}, the adapted {args.target} in merged, and a LoRA for PEFT and vLLM in lora."
    )


if __name__ == "__main__":
    main()
