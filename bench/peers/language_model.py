#!/usr/bin/env python3
"""Trains a small GPT-2 on WikiText-2 here and in PyTorch: same weights to begin with, same blocks in the same order.

    bench/peers/language_model.py --program build/discreet --data DIR [--steps 400] [--threads 1] [--svg FILE]

DIR holds wikitext2 (train.txt, test.txt). A BPE vocabulary is trained on the training text, a random GPT-2 of 4
layers, 128 wide, is written as a folder, and both programs train it with Adam, cosine schedule after a warm-up,
blocks of 64 pieces, 32 a step. The order of the blocks is the program's (Philox4x32-10, discreet/core/random.h),
drawn again here; that the blocks are the same is checked by the loss of the first steps. Prints one JSON document:
training losses of both by step, test perplexities, seconds; --svg draws the curves on one chart.
Needs `pip install torch transformers tokenizers`.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import tokenizers
import torch
import transformers

BLOCK, BATCH, WARMUP, RATE, EVERY = 64, 32, 40, 2e-3, 10
M32, M64 = (1 << 32) - 1, (1 << 64) - 1


class Philox:
    """core::ReproducibleRng."""

    def __init__(self, seed, stream):
        h = 0xCBF29CE484222325
        for byte in stream.encode():
            h = (h ^ byte) * 0x100000001B3 & M64
        self.key = (seed & M32, seed >> 32)
        self.counter = [0, 0, h & M32, h >> 32]
        self.values = []

    def next(self):
        if not self.values:
            k0, k1 = self.key
            a, b, c, d = self.counter
            for _ in range(10):
                p0, p1 = 0xD2511F53 * a, 0xCD9E8D57 * c
                a, b, c, d = (p1 >> 32) ^ b ^ k0, p1 & M32, (p0 >> 32) ^ d ^ k1, p0 & M32
                k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
            self.values = [c | d << 32, a | b << 32]
            self.counter[0] = (self.counter[0] + 1) & M32
            self.counter[1] += self.counter[0] == 0
        return self.values.pop()

    def below(self, bound):
        limit = M64 - M64 % bound
        while True:
            value = self.next()
            if value < limit:
                return value % bound


def shuffled(count, seed, epoch):
    order, rng = list(range(count)), Philox(seed, f"shuffle/{epoch}")
    for i in range(count, 1, -1):
        j = rng.below(i)
        order[i - 1], order[j] = order[j], order[i - 1]
    return order


def blocks_of(tokenizer, path):
    """Inputs and targets of blocks; lines end with a line break, the first piece is predicted from the end mark."""
    lines = [line.rstrip("\n") + "\n" for line in path.read_text().splitlines() if line.strip()]
    ids = [i for encoding in tokenizer.encode_batch(lines, add_special_tokens=False) for i in encoding.ids]
    return [ids[i:i + BLOCK] for i in range(0, len(ids), BLOCK)]


def losses_of(model, blocks, end):
    """Mean loss of each block; blocks of one length."""
    targets = torch.tensor(blocks)
    inputs = torch.cat([torch.full((len(blocks), 1), end), targets[:, :-1]], 1)
    logits = model(input_ids=inputs).logits
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(1)


def by_length(blocks):
    groups = {}
    for block in blocks:
        groups.setdefault(len(block), []).append(block)
    return groups.values()


def rate_at(step, steps):
    if step < WARMUP:
        return RATE * (step + 1) / WARMUP
    return RATE * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP)))


def train_torch(folder, train, test, end, steps):
    model = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    per_epoch = -(-len(train) // BATCH)
    curve, seconds, mean = [], 0.0, []
    for step in range(steps):
        if step % per_epoch == 0:
            order = shuffled(len(train), 1, step // per_epoch)
        begin = time.perf_counter()
        first = step % per_epoch * BATCH
        chosen = [train[i] for i in order[first:first + BATCH]]
        loss = torch.cat([losses_of(model, group, end) for group in by_length(chosen)]).mean()
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds += time.perf_counter() - begin
        mean.append(loss.item())
        if (step + 1) % EVERY == 0:
            curve.append([step + 1, sum(mean) / len(mean)])
            mean = []
    model.eval()
    total = count = 0.0
    with torch.no_grad():
        for group in by_length(test):
            for i in range(0, len(group), BATCH):
                part = group[i:i + BATCH]
                total += losses_of(model, part, end).sum().item() * len(part[0])
                count += len(part) * len(part[0])
    return {"curve": curve, "perplexity": math.exp(total / count), "seconds": seconds, "tokens": int(count)}


def train_here(args, folder, work):
    settings = {"task": "language-model", "data.train": args.data / "wikitext2/train.txt",
                "data.test": args.data / "wikitext2/test.txt", "data.format": "text", "data.tokenizer": "subword",
                "data.block": BLOCK, "model.kind": "pretrained", "model.path": folder, "train.batch_size": BATCH,
                "train.steps": args.steps, "train.optimizer": "adam", "train.learning_rate": RATE,
                "train.schedule": "cosine", "train.warmup": WARMUP, "train.log_every": EVERY,
                "train.eval_every": 10**6, "train.checkpoint_every": 10**6, "train.threads": args.threads,
                "run.seed": 1, "run.dir": work / "run"}
    command = [args.program, "train", "--json", "--quiet"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    document = json.loads(done.stdout)
    rows = [json.loads(line) for line in (work / "run/metrics.jsonl").read_text().splitlines()]
    curve = [[row["step"], row["loss"]] for row in rows if row["split"] == "train"]
    return {"curve": curve, "perplexity": document["metrics"]["perplexity"], "seconds": document["seconds"]}


def svg(curves, title):
    left, top, width, height = 60, 36, 460, 260
    low = min(loss for _, curve in curves for _, loss in curve)
    high = max(loss for _, curve in curves for _, loss in curve)
    last = max(step for _, curve in curves for step, _ in curve)
    place = lambda step, loss: (left + width * step / last, top + height * (high - loss) / (high - low))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 694 342" width="694" height="342" role="img" '
             f'font-family="sans-serif" font-size="11">\n<title>{title}</title>\n'
             f'<desc>Training loss by step of the same model in two programs.</desc>\n'
             f'<rect width="694" height="342" fill="#ffffff"/>\n<text x="{left}" y="22" font-size="14">{title}</text>']
    for k in range(5):
        loss, step = low + (high - low) * k / 4, last * k / 4
        x, y = place(step, loss)
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
                     f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">{loss:.2f}</text>'
                     f'<text x="{x:.1f}" y="{top + height + 16}" text-anchor="middle">{step:g}</text>')
    parts.append(f'<text x="{left + width / 2}" y="{top + height + 34}" text-anchor="middle">step</text>')
    for k, (name, curve) in enumerate(curves):
        colour, dash, stroke = (("#9ecae1", "", 5), ("#08306b", "6 4", 1.5))[k]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in curve))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{stroke}" '
                     f'stroke-dasharray="{dash}"/>')
        y = top + 10 + 18 * k
        parts.append(f'<line x1="534" x2="560" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="{stroke}" '
                     f'stroke-dasharray="{dash}"/><text x="565" y="{y + 4}">{name}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/discreet")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--svg", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        folder = work / "gpt2"
        subprocess.run([args.program, "tokenizer", "train", "--type", "bpe", "--vocabulary-size", str(args.vocabulary),
                        "--input", str(args.data / "wikitext2/train.txt"), "--out", str(folder)],
                       check=True, capture_output=True)
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        end = next(i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special)
        torch.manual_seed(1)
        config = transformers.GPT2Config(vocab_size=tokenizer.get_vocab_size(), n_positions=BLOCK, n_embd=128, n_layer=4,
                                         n_head=4, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=end,
                                         eos_token_id=end)
        transformers.GPT2LMHeadModel(config).save_pretrained(folder)
        train, test = (blocks_of(tokenizer, args.data / f"wikitext2/{part}.txt") for part in ("train", "test"))
        here = train_here(args, folder, work)
        there = train_torch(folder, train, test, end, args.steps)
        if abs(here["curve"][0][1] - there["curve"][0][1]) > 1e-3:
            print(f"the first losses differ: {here['curve'][0]} here, {there['curve'][0]} in PyTorch: other blocks, "
                  "or another order", file=sys.stderr)
        document = {"steps": args.steps, "vocabulary": tokenizer.get_vocab_size(), "blocks": len(train),
                    "threads": args.threads, "torch": torch.__version__, "transformers": transformers.__version__,
                    "discreet": here, "pytorch": there,
                    "greatest_difference": max(abs(a[1] - b[1]) for a, b in zip(here["curve"], there["curve"]))}
        print(json.dumps(document))
        if args.svg:
            args.svg.write_text(svg([("discreet", here["curve"]), ("PyTorch", there["curve"])],
                                    "GPT-2, 4 x 128, WikiText-2: training loss"))


if __name__ == "__main__":
    main()
