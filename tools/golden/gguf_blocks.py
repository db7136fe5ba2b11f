#!/usr/bin/env python3
"""Makes tests/golden/gguf: a file with a tensor of each type, and its values by gguf-py.

    python3 tools/golden/gguf_blocks.py [--out tests/golden/gguf]

Blocks are random bytes with finite scales. Needs the packages gguf (from llama.cpp), numpy and
safetensors.
"""
import argparse
import pathlib

import gguf
import numpy as np
from safetensors.numpy import save_file

# Type: bytes of the half-precision scales in a block.
SCALES = {"Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,),
          "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests/golden/gguf")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20261126)
    writer = gguf.GGUFWriter(out / "blocks.gguf", "blocks")
    writer.add_uint32("blocks.count", 7)
    writer.add_array("blocks.names", ["a", "\u00e9"])
    writer.add_array("blocks.numbers", [1, -2, 3])
    values = {}

    def add(name, data, kind):
        writer.add_tensor(name, data, raw_dtype=kind)
        values[name] = gguf.dequantize(data, kind).astype(np.float32)

    for name, offsets in SCALES.items():
        kind = gguf.GGMLQuantizationType[name]
        size, width = gguf.GGML_QUANT_SIZES[kind]
        rows, blocks = 2, 512 // size
        raw = random.integers(0, 256, (rows, blocks, width), dtype=np.uint8)
        for offset in offsets:
            scales = random.uniform(-1, 1, (rows, blocks, 1)).astype(np.float16)
            raw[:, :, offset:offset + 2] = scales.view(np.uint8)
        add(name, raw.reshape(rows, blocks * width), kind)
    plain = random.normal(size=(3, 5)).astype(np.float32)
    add("F32", plain, gguf.GGMLQuantizationType.F32)
    add("F16", plain.astype(np.float16), gguf.GGMLQuantizationType.F16)
    add("BF16", gguf.quantize(plain, gguf.GGMLQuantizationType.BF16), gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(values, out / "blocks.safetensors")
    for path in sorted(out.iterdir()):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
