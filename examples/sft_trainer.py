"""Supervised fine-tuning with transformers' Trainer, on a model to which ``adapt`` added adapters.

Checkpoints of the Trainer contain the adapter in our format, so that a run can resume from them and ``load`` reads
them. examples/what_it_costs.py estimates the cost. Real models: ``--model meta-llama/Llama-3.2-1B --texts yours.jsonl``
(one {"text": ...} per line). To try it:

    python examples/tiny.py llama out/llama
    python examples/sft_trainer.py --placement input --model out/llama --texts out/llama/texts.jsonl --steps 4
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
)

from ioadapt_theory import adapt, load, save
from ioadapt_theory.presets import PRESETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--preset", default="metamath", choices=("commonsense", "metamath"))
    parser.add_argument("--placement", required=True, help="input, output, weight or residual")
    parser.add_argument("--steps", type=int, default=-1, help="number of steps (default: the epochs of the preset)")
    parser.add_argument("--out", type=Path, default=Path("out/trainer"))
    args = parser.parse_args()
    preset = PRESETS[args.preset]

    tokenizer = AutoTokenizer.from_pretrained(args.model)
    texts = [json.loads(line)["text"] for line in args.texts.read_text(encoding="utf-8").splitlines()]
    rows = [tokenizer(text, truncation=True, max_length=preset.length) for text in texts]
    model = adapt(AutoModelForCausalLM.from_pretrained(args.model), **preset.adapter("lora", args.placement))
    trainer = Trainer(
        model,
        TrainingArguments(
            str(args.out),
            learning_rate=preset.learning_rate,
            per_device_train_batch_size=preset.batch_size,
            num_train_epochs=preset.epochs,
            max_steps=args.steps,
            warmup_steps=preset.warmup or preset.warmup_ratio,
            lr_scheduler_type="cosine",
            report_to="none",
        ),
        train_dataset=rows,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
    )
    trainer.train()
    save(model, args.out / "adapter")

    again = AutoModelForCausalLM.from_pretrained(args.model)
    load(again, args.out / "adapter")
    batch = tokenizer(texts[:2], return_tensors="pt", padding=True)
    with torch.no_grad():
        off = (model.eval().cpu()(**batch).logits - again.eval()(**batch).logits).abs().max()
    print(f"Saved {args.out / 'adapter'}. On a newly loaded base, it gives the same outputs up to {off:.0e}.")


if __name__ == "__main__":
    main()
