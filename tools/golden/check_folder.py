#!/usr/bin/env python3
"""Loads a folder that discreet wrote with transformers and compares what it computes with a golden.

    python3 tools/golden/check_folder.py FOLDER GOLDEN [--tolerance 1e-4]

FOLDER has config.json and weights; GOLDEN has io.safetensors as tools/golden/models.py writes it.
Fails if transformers misses a weight, does not know one, or gives other logits where the mask is 1.
"""
import argparse
import json
import os
import pathlib
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import torch
import transformers
from safetensors.torch import load_file

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "decoder_input_ids")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("golden", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    architecture = json.loads((arguments.folder / "config.json").read_text())["architectures"][0]
    model, info = getattr(transformers, architecture).from_pretrained(
        arguments.folder, dtype=torch.float32, output_loading_info=True)
    failed = [f"{key}: {sorted(info[key])}" for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[key]]
    io = load_file(arguments.golden / "io.safetensors")
    with torch.no_grad():
        result = model.eval()(**{key: io[key] for key in INPUTS if key in io})
    for name in ("logits", "start_logits", "end_logits"):
        if name not in io:
            continue
        difference = (result[name] - io[name]).abs()
        if "decoder_input_ids" not in io and io[name].shape[:2] == io["attention_mask"].shape:
            difference = difference[io["attention_mask"] == 1]
        print(f"{arguments.folder}: {name} differ by at most {difference.max().item():.2g}")
        if not difference.max() <= arguments.tolerance:
            failed.append(f"{name} differ")
    for failure in failed:
        print(f"{arguments.folder}: {failure}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
