#!/usr/bin/env python3
"""Compares an adapter as PEFT and as discreet compute it, in both directions.

    python3 tools/golden/check_adapter.py FOLDER --program build/discreet [--tolerance 1e-4]

FOLDER is a small model, such as those of tests/golden/models. Makes a random LoRA adapter beside some of
its linear layers with PEFT, and runs it with PEFT and with `discreet model run --adapter` on the same
tokens. With --adapter DIR the adapter is one that discreet wrote (`discreet model export --adapter`).
Needs torch, transformers and peft.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import peft
import torch
import transformers

TARGETS = {"bert": ["query", "value", "dense"], "roberta": ["query", "value"], "distilbert": ["q_lin", "v_lin", "lin1"],
           "electra": ["query", "key"], "albert": ["query", "ffn"], "gpt2": ["c_attn", "c_fc"],
           "llama": ["q_proj", "v_proj", "gate_proj", "down_proj"], "mistral": ["k_proj", "up_proj"]}


def random_adapter(model, folder):
    config = peft.LoraConfig(r=3, lora_alpha=7, target_modules=TARGETS[model.config.model_type],
                             fan_in_fan_out=model.config.model_type == "gpt2")
    adapted = peft.get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.3)
    adapted.save_pretrained(folder)
    return adapted.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--adapter", type=pathlib.Path)
    parser.add_argument("--program", required=True)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    architecture = json.loads((arguments.folder / "config.json").read_text())["architectures"][0]
    model = getattr(transformers, architecture).from_pretrained(arguments.folder, dtype=torch.float32).eval()
    ids = torch.randint(5, model.config.vocab_size, (7,)).tolist()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.adapter or pathlib.Path(scratch)
        adapted = peft.PeftModel.from_pretrained(model, folder).eval() if arguments.adapter else random_adapter(model, folder)
        answer = subprocess.run([arguments.program, "model", "run", "--quiet", "--model", arguments.folder, "--adapter", folder],
                                input=json.dumps({"input_ids": ids}), text=True, stdout=subprocess.PIPE, check=True)
    with torch.no_grad():
        result = adapted(input_ids=torch.tensor([ids]))
    expected = torch.stack([result.start_logits, result.end_logits], -1) if hasattr(result, "start_logits") else result.logits
    got = torch.tensor(next(iter(json.loads(answer.stdout).values())))
    difference = (got - expected.reshape(got.shape)).abs().max().item()
    print(f"{arguments.folder}: differ by at most {difference:.2g}")
    return 0 if difference <= arguments.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
