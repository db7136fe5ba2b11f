#!/usr/bin/env python3
"""Carries a PyTorch model of a supported form into discreet's folder layout and back (docs/pytorch.md).

    tools/pytorch.py pack STATE.pt --config config.json --out DIR [--rename OLD=NEW …] [--tokenizer DIR]
    tools/pytorch.py unpack DIR --out STATE.pt [--rename OLD=NEW …]
    tools/pytorch.py compare DIR [--program discreet] [--examples 8] [--tolerance 1e-4]

pack writes config.json and model.safetensors from a state dict (torch.save(model.state_dict(), …)) whose
names are those of the class in config.json's `architectures`, after the renamings (regular expressions,
in order). It loads the result with transformers and refuses a name that is missing or left over.
unpack is the way back: the folder's weights as a state dict under the names that you began with.
compare runs the folder with transformers and with `discreet model run` on the same random token ids and
prints the greatest difference of the logits (or of the last layer's rows, without a head); it fails past
the tolerance. Needs torch, transformers and safetensors.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from safetensors.torch import load_file, save_file

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json",
                   "merges.txt", "tokenizer.model", "spiece.model")


def renamed(state, renamings):
    rules = [rule.split("=", 1) for rule in renamings]
    result = {}
    for name, tensor in state.items():
        for old, new in rules:
            name = re.sub(old, new, name)
        if name in result:
            sys.exit(f"two tensors are called '{name}' after the renamings")
        result[name] = tensor
    return result


def load_class(folder):
    config = json.loads((folder / "config.json").read_text())
    name = config["architectures"][0]
    model, found = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if found[key]:
            sys.exit(f"{folder}: {key.replace('_', ' ')}: {', '.join(map(str, sorted(found[key])))}")
    return model.eval()


def pack(arguments):
    state = renamed(torch.load(arguments.state, map_location="cpu", weights_only=True), arguments.rename)
    arguments.out.mkdir(parents=True, exist_ok=True)
    shutil.copy(arguments.config, arguments.out / "config.json")
    # Tied tensors share memory, which the format does not know: the copies go their own way.
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in state.items()},
              arguments.out / "model.safetensors", {"format": "pt"})
    if arguments.tokenizer:
        for name in TOKENIZER_FILES:
            if (arguments.tokenizer / name).exists():
                shutil.copy(arguments.tokenizer / name, arguments.out / name)
    model = load_class(arguments.out)
    print(f"{arguments.out}: {type(model).__name__}, {sum(p.numel() for p in model.parameters()):,} values")


def unpack(arguments):
    state = renamed(load_class(arguments.folder).state_dict(), arguments.rename)
    torch.save(state, arguments.out)
    print(f"{arguments.out}: {len(state)} tensors")


def compare(arguments):
    model = load_class(arguments.folder)
    generator = torch.Generator().manual_seed(1)
    config = model.config
    longest = min(32, getattr(config, "max_position_embeddings", 32) - 4)
    lines = []
    for _ in range(arguments.examples):
        length = int(torch.randint(2, longest, (1,), generator=generator))
        lines.append(torch.randint(5, config.vocab_size, (length,), generator=generator).tolist())
    answer = subprocess.run([arguments.program, "model", "run", "--quiet", "--model", str(arguments.folder)],
                            input="".join(json.dumps({"input_ids": ids}) + "\n" for ids in lines), text=True,
                            stdout=subprocess.PIPE, check=True).stdout.splitlines()
    worst = 0.0
    for ids, line in zip(lines, answer, strict=True):
        with torch.no_grad():
            result = model(input_ids=torch.tensor([ids]))
        if hasattr(result, "start_logits"):
            expected = torch.stack([result.start_logits, result.end_logits], -1)[0]
        else:
            expected = result.logits if hasattr(result, "logits") else result.last_hidden_state[0]
            expected = expected[0] if expected.dim() == 3 else expected
        got = torch.tensor(next(iter(json.loads(line).values())))
        worst = max(worst, (got - expected).abs().max().item())
    print(f"{arguments.folder}: {len(lines)} examples, greatest difference {worst:.2g}")
    return 1 if worst > arguments.tolerance else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("pack")
    verb.add_argument("state", type=pathlib.Path)
    verb.add_argument("--config", type=pathlib.Path, required=True)
    verb.add_argument("--out", type=pathlib.Path, required=True)
    verb.add_argument("--rename", action="append", default=[])
    verb.add_argument("--tokenizer", type=pathlib.Path)
    verb.set_defaults(run=pack)
    verb = verbs.add_parser("unpack")
    verb.add_argument("folder", type=pathlib.Path)
    verb.add_argument("--out", type=pathlib.Path, required=True)
    verb.add_argument("--rename", action="append", default=[])
    verb.set_defaults(run=unpack)
    verb = verbs.add_parser("compare")
    verb.add_argument("folder", type=pathlib.Path)
    verb.add_argument("--program", default="discreet")
    verb.add_argument("--examples", type=int, default=8)
    verb.add_argument("--tolerance", type=float, default=1e-4)
    verb.set_defaults(run=compare)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
