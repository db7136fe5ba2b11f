#!/usr/bin/env python3
"""Makes tests/golden/gguf/llama.gguf of tests/golden/models/llama_linear_bias with gguf-py.

    python3 tools/golden/gguf_llama.py [--out tests/golden/gguf/llama.gguf]

Rows of queries and keys are put into ggml's order; weights are float32. The tokenizer is byte-level BPE
over 50 tokens. Needs the packages gguf, numpy and safetensors.
"""
import argparse
import json
import pathlib

import gguf
import numpy as np
from safetensors.numpy import load_file

TREE = pathlib.Path(__file__).resolve().parents[2]
PARTS = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def ggml_rows(values, heads):
    shape = values.shape
    return np.ascontiguousarray(values.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2)).reshape(shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=TREE / "tests/golden/gguf/llama.gguf")
    out = parser.parse_args().out
    source = TREE / "tests/golden/models/llama_linear_bias"
    config = json.loads((source / "config.json").read_text())
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(config["rope_parameters"]["factor"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    tokens = ["<|end|>", "<s>", "</s>"] + [chr(ord("!") + i) for i in range(45)] + ["IM", "IMIM"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * 47)
    writer.add_token_merges(["I M", "IM IM"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    for name, values in load_file(source / "model.safetensors").items():
        if name in WHOLE:
            writer.add_tensor(WHOLE[name], values)
            continue
        layer, rest = name[len("model.layers."):].split(".", 1)
        part, kind = rest.rsplit(".", 1)
        if part.endswith("q_proj"):
            values = ggml_rows(values, config["num_attention_heads"])
        if part.endswith("k_proj"):
            values = ggml_rows(values, config["num_key_value_heads"])
        writer.add_tensor(f"blk.{layer}.{PARTS[part]}.{kind}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(out.name, out.stat().st_size)


if __name__ == "__main__":
    main()
