"""Training steps of the benchmark shapes in PyTorch and Opacus, on padded batches.

Reads the shapes as `discreet bench --describe` prints them; prints one JSON document. SGD, clip norm 1,
noise multiplier 1. Times are of the clock and of the processor; the minimum is what to compare.
"""
import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from torch import nn


class Transformer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        width = shape["hidden"][0]
        self.embedding = nn.Embedding(shape["vocabulary"], width)
        self.position = nn.Embedding(512, width)
        self.layers = nn.ModuleList(
            Block(width, shape["heads"], shape["feed_forward"]) for _ in range(shape["layers"]))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, shape["classes"])

    def forward(self, tokens, mask):
        # Repeated, not expanded: ghost clipping cannot take a view of an expanded tensor.
        places = torch.arange(tokens.shape[1]).repeat(tokens.shape[0], 1)
        x = self.embedding(tokens) + self.position(places)
        for layer in self.layers:
            x = layer(x, mask)
        x = self.norm(x) * mask[:, :, None]
        return self.head(x.sum(1) / mask.sum(1, keepdim=True))


class Block(nn.Module):
    """Pre-norm attention and feed-forward, from linear layers so that every tool can hook them."""

    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads = heads
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x, mask):
        batch, length, width = x.shape
        # Chunks, whose gradient comes back contiguous, as ghost clipping needs it.
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2)
                   for part in self.qkv(self.first_norm(x)).chunk(3, dim=-1))
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :] > 0)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(nn.functional.gelu(self.up(self.second_norm(x))))


class BiLstm(nn.Module):
    def __init__(self, shape, private):
        super().__init__()
        hidden = shape["hidden"][0]
        if private:
            from opacus.layers import DPLSTM as Lstm
        else:
            Lstm = nn.LSTM
        self.embedding = nn.Embedding(shape["vocabulary"], shape["embedding"])
        self.lstm = Lstm(shape["embedding"], hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, shape["classes"])

    def forward(self, tokens, mask):
        y = self.lstm(self.embedding(tokens))[0] * mask[:, :, None]
        return self.head(y.sum(1) / mask.sum(1, keepdim=True))


class Bag(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.embedding = nn.Embedding(shape["vocabulary"], shape["embedding"])
        sizes = [shape["embedding"], *shape["hidden"]]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.head = nn.Linear(sizes[-1], shape["classes"])

    def forward(self, tokens, mask):
        x = (self.embedding(tokens) * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.head(x)


def make_model(shape, private):
    if shape["kind"] == "transformer":
        return Transformer(shape)
    return BiLstm(shape, private) if shape["kind"] == "bilstm" else Bag(shape)


def make_step(shape, mode):
    torch.manual_seed(1)
    lengths = torch.tensor(shape["lengths"])
    tokens = torch.randint(shape["vocabulary"], (len(lengths), int(lengths.max())))
    mask = (torch.arange(tokens.shape[1])[None] < lengths[:, None]).float()
    labels = torch.randint(shape["classes"], (len(lengths),))
    model = make_model(shape, mode != "pytorch").train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    if mode != "pytorch":
        from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping
        from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
        from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping
        common = {"noise_multiplier": 1.0, "max_grad_norm": 1.0, "expected_batch_size": len(lengths)}
        if mode == "opacus-hooks":
            model = GradSampleModule(model)
            optimizer = DPOptimizer(optimizer, **common)
        else:
            model = GradSampleModuleFastGradientClipping(model, max_grad_norm=1.0, use_ghost_clipping=True)
            optimizer = DPOptimizerFastGradientClipping(optimizer, **common)
            criterion = DPLossFastGradientClipping(model, optimizer, criterion)

    def step():
        optimizer.zero_grad(set_to_none=True)
        criterion(model(tokens, mask), labels).backward()
        optimizer.step()

    return step


def measure(shape, mode, options):
    torch.set_num_threads(options.threads)
    step = make_step(shape, mode)
    for _ in range(3):
        step()
    clock, processor = [], []
    for _ in range(options.steps):
        started, cpu = time.perf_counter(), time.process_time()
        step()
        clock.append(1e3 * (time.perf_counter() - started))
        processor.append(1e3 * (time.process_time() - cpu))
    return {"shape": shape["name"], "mode": mode, "threads": options.threads, "steps": options.steps,
            "minimum_ms": min(clock), "median_ms": sorted(clock)[len(clock) // 2],
            "minimum_cpu_ms": min(processor),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shapes")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--modes", default="pytorch,opacus-hooks,opacus-ghost")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with open(options.shapes) as file:
        shapes = [s for s in json.load(file)["shapes"] if not options.names or s["name"] in options.names]
    if options.one:
        print(json.dumps(measure(shapes[0], options.modes, options)))
        return
    results = []
    for shape in shapes:
        for mode in options.modes.split(","):
            # A process each, so that its peak memory is its own.
            command = [sys.executable, __file__, options.shapes, shape["name"], "--one", "--modes", mode,
                       "--threads", str(options.threads), "--steps", str(options.steps)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                results.append(json.loads(done.stdout.splitlines()[-1]))
            else:
                reason = done.stderr.strip().splitlines()[-1:]
                results.append({"shape": shape["name"], "mode": mode, "error": " ".join(reason)})
            print(json.dumps(results[-1]), file=sys.stderr)
    print(json.dumps({"schema": "discreet.bench.peers/1", "torch": torch.__version__,
                      "date": time.strftime("%Y-%m-%d", time.gmtime()), "results": results}, indent=2))


if __name__ == "__main__":
    main()
