#!/usr/bin/env python3
"""Compares a folder that `discreet model import` made with the GGUF file that it was made of.

    python3 tools/golden/check_import.py FILE.gguf FOLDER [--tokenizer DIR]

Every weight is read by gguf-py, put into transformers' order, and must be equal bit for bit (in
float16: after rounding). With --tokenizer the ids of some texts must be those of that folder's
tokenizer.json. Llama form. Needs the packages gguf, numpy, safetensors, tokenizers.
"""
import argparse
import json
import pathlib
import sys

import gguf
import numpy as np
from safetensors.numpy import load_file

PARTS = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
         "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
TEXTS = ["Hello world", "It's 2026: don't  stop!\n\n\tcaf\u00e9 \u4f60\u597d \U0001F600", "x = [1, 22, 333]; // done",
         "<|im_start|>user\nWhy?<|im_end|>", "", "   ", "ABC def's  12345"]


def name_of(name):
    parts = name.split(".")
    return f"model.layers.{parts[1]}.{PARTS[parts[2]]}.{parts[3]}" if parts[0] == "blk" else f"{WHOLE[parts[0]]}.{parts[1]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tokenizer", type=pathlib.Path)
    arguments = parser.parse_args()
    config = json.loads((arguments.folder / "config.json").read_text())
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    found = {}
    for path in arguments.folder.glob("*.safetensors"):
        found.update(load_file(path))
    wrong = 0
    reader = gguf.GGUFReader(arguments.file)
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part = tensor.name.split(".")[2] if tensor.name.startswith("blk.") else ""
        if part in heads:
            shape = values.shape
            values = values.reshape(heads[part], -1, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)
        ours = found.pop(name_of(tensor.name))
        if ours.dtype == np.float16:
            values = values.astype(np.float16)
        if not np.array_equal(ours, values):
            wrong += 1
            print(f"{tensor.name}: differs by up to {np.abs(ours.astype(np.float64) - values).max()}")
    print(f"{len(reader.tensors)} tensors, {wrong} differ, {len(found)} more in the folder")
    wrong += len(found)
    if arguments.tokenizer:
        from tokenizers import Tokenizer
        ours, theirs = (Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (arguments.folder, arguments.tokenizer))
        for text in TEXTS:
            if ours.encode(text).ids != theirs.encode(text).ids:
                wrong += 1
                print(f"{text!r}: {ours.encode(text).ids}, expected {theirs.encode(text).ids}")
        print(f"{len(TEXTS)} texts tokenised")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
