"""Supervised fine-tuning with TRL's SFTTrainer: an input or output adapter in the place of a LoRA.

The one line that differs from TRL's own example is the configuration, ``IOLoraConfig`` instead of ``LoraConfig``.
What it takes says examples/what_it_costs.py.
Real models: ``--model meta-llama/Llama-3.2-1B --texts yours.jsonl`` (a text in each line, {"text": ...}). To try it:

    python examples/tiny.py llama out/llama
    python examples/sft_trl.py --model out/llama --texts out/llama/texts.jsonl --steps 4
"""

import argparse

import torch
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

from ioadapt_theory.peft import IOLoraConfig
from ioadapt_theory.presets import PRESETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--preset", default="commonsense", choices=("commonsense", "metamath"))
    parser.add_argument("--placement", default="input", help="input, output, weight, residual")
    parser.add_argument("--steps", type=int, default=-1, help="default: the epochs of the preset")
    parser.add_argument("--out", default="out/sft")
    args = parser.parse_args()
    preset = PRESETS[args.preset]

    trainer = SFTTrainer(
        args.model,
        args=SFTConfig(
            args.out,
            learning_rate=preset.learning_rate,
            per_device_train_batch_size=preset.batch_size,
            num_train_epochs=preset.epochs,
            max_steps=args.steps,
            max_length=preset.length,
            warmup_steps=preset.warmup or preset.warmup_ratio,
            bf16=torch.cuda.is_available(),
            report_to="none",
        ),
        train_dataset=load_dataset("json", data_files=args.texts, split="train"),
        peft_config=IOLoraConfig(task_type="CAUSAL_LM", **preset.adapter("lora", args.placement)),
    )
    trainer.train()
    trainer.save_model(args.out)
    print(f"{args.out}: read it with peft.PeftModel.from_pretrained after `import ioadapt_theory.peft`,")
    print("or with ioadapt_theory.load on any model; for vLLM and others bake it:")
    print(f"  ioadapt adapters bake {args.out} lora_folder --base {args.model}")


if __name__ == "__main__":
    main()
