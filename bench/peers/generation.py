#!/usr/bin/env python3
"""Tokens per second of `discreet generate` and of transformers' generate on one model folder.

    bench/peers/generation.py --program build/discreet [--model DIR] [--threads 1] [--tokens 128]

Without --model: a random GPT-2 of 4 layers, 256 wide, 8,192 tokens. Greedy, so that both write the same ids
(which is checked); beams of 4 as well. Prompts of 8 random tokens; the end mark is held back. Each figure is
the best of three. Needs `pip install torch transformers`.
"""
import argparse
import json
import os
import re
import subprocess
import tempfile
import time

import torch
import transformers


def random_gpt2(folder):
    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=8192, n_positions=512, n_embd=256, n_layer=4, n_head=4,
                                     bos_token_id=0, eos_token_id=0)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)


def ours(args, model, prompts, beams):
    lines = "".join(json.dumps({"input_ids": p}) + "\n" for p in prompts)
    command = [args.program, "generate", "--model", model, "--greedy", "--max-new-tokens", str(args.tokens),
               "--min-new-tokens", str(args.tokens), "--beams", str(beams)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(args.threads)}
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write(lines)
        file.flush()
        done = subprocess.run(command + ["--input", file.name], capture_output=True, text=True, check=True,
                              env=environment)
    rate = float(re.search(r"([0-9]+) tokens/s", done.stderr).group(1))
    return rate, [json.loads(line)["ids"] for line in done.stdout.splitlines()]


def theirs(args, model, prompts, beams):
    ids = torch.tensor(prompts)
    begin = time.perf_counter()
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, num_beams=beams,
                             max_new_tokens=args.tokens, min_new_tokens=args.tokens, pad_token_id=0)
    seconds = time.perf_counter() - begin
    return len(prompts) * args.tokens / seconds, out[:, ids.shape[1]:].tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/discreet")
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=128)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        if args.model is None:
            random_gpt2(folder)
        path = args.model or folder
        model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        print(f"{path if args.model else 'random GPT-2'}, {args.threads} threads, {args.tokens} new tokens; "
              f"torch {torch.__version__}, transformers {transformers.__version__}")
        print("prompts  beams  discreet tokens/s  transformers tokens/s  ratio  same ids")
        generator = torch.Generator().manual_seed(3)
        for count, beams in ((1, 1), (16, 1), (64, 1), (1, 4), (16, 4)):
            prompts = torch.randint(1, model.config.vocab_size, (count, 8), generator=generator).tolist()
            a = [ours(args, path, prompts, beams) for _ in range(3)]
            b = [theirs(args, model, prompts, beams) for _ in range(3)]
            same = sum(x == y for x, y in zip(a[0][1], b[0][1]))
            fast, slow = max(r for r, _ in a), max(r for r, _ in b)
            print(f"{count:7}  {beams:5}  {fast:17.0f}  {slow:21.0f}  {fast / slow:5.1f}  {same} of {count}")


if __name__ == "__main__":
    main()
