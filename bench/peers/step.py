"""Training steps of the benchmark shapes in PyTorch and Opacus, on padded batches.

Reads the shapes as `discreet bench --describe` prints them; prints one JSON document. SGD, clip norm 1,
noise multiplier 1. Times are of the clock and of the processor; the minimum is what to compare.

Shapes with norms behind each part (bert-…, minilm-…) are BertModel of transformers.
Modes: pytorch (eager; attention is the fused kernel), pytorch-compiled (torch.compile), loop (DP-SGD one
example at a time, unpadded), vmap (per-example gradients by torch.func), opacus-hooks, opacus-ghost.
"""
import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from torch import nn

CHARACTERS, LETTERS = 258, 12  # ids of characters; those of a word, its two marks included


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

    def __init__(self, width, heads, inner, causal=False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x, mask):
        batch, length, width = x.shape
        # Chunks, whose gradient comes back contiguous, as ghost clipping needs it.
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2)
                   for part in self.qkv(self.first_norm(x)).chunk(3, dim=-1))
        # With the causal mask padding needs none of its own: it stands behind every word.
        seen = None if self.causal else mask[:, None, None, :] > 0
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=self.causal)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(nn.functional.gelu(self.up(self.second_norm(x))))


class Bert(nn.Module):
    """The class of transformers for shapes whose norms stand behind the parts of a block; mean of the rows."""

    def __init__(self, shape):
        super().__init__()
        from transformers import BertConfig, BertModel
        width = shape["hidden"][0]
        self.bert = BertModel(BertConfig(
            vocab_size=shape["vocabulary"], hidden_size=width, num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"], intermediate_size=shape["feed_forward"],
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0), add_pooling_layer=False)
        self.head = nn.Linear(width, shape["classes"])

    def forward(self, tokens, mask):
        x = self.bert(input_ids=tokens, attention_mask=mask).last_hidden_state * mask[:, :, None]
        return self.head(x.sum(1) / mask.sum(1, keepdim=True))


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


class CausalLm(nn.Module):
    """Pre-norm decoder with learned positions; the head is the embedding's matrix where tied."""

    def __init__(self, shape):
        super().__init__()
        width = shape["hidden"][0]
        self.embedding = nn.Embedding(shape["vocabulary"], width)
        self.position = nn.Embedding(512, width)
        self.layers = nn.ModuleList(
            Block(width, shape["heads"], shape["feed_forward"], causal=True) for _ in range(shape["layers"]))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, shape["vocabulary"], bias=False)
        if shape["tied"]:
            self.head.weight = self.embedding.weight

    def forward(self, tokens, mask):
        places = torch.arange(tokens.shape[1]).repeat(tokens.shape[0], 1)
        x = self.embedding(tokens) + self.position(places)
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(self.norm(x)).transpose(1, 2)  # the loss wants classes second


class BiLstmCnnCrf(nn.Module):
    """Words and their characters through a BiLSTM; an intent, and tags by a conditional random field.

    A row of `tokens` is a word's id and those of its characters, 0 beyond their end. A label is
    intent x tags + tag, on every word.
    """

    def __init__(self, shape, private):
        super().__init__()
        hidden, tags = shape["hidden"][0], shape["tags"]
        if private:
            from opacus.layers import DPLSTM as Lstm
        else:
            Lstm = nn.LSTM
        self.embedding = nn.Embedding(shape["vocabulary"], shape["embedding"])
        self.characters = nn.Embedding(CHARACTERS, 30)
        self.convolution = nn.Conv1d(30, 30, 3, padding=1)
        self.lstm = Lstm(shape["embedding"] + 30, hidden, batch_first=True, bidirectional=True)
        self.intent, self.slots = nn.Linear(2 * hidden, shape["classes"]), nn.Linear(2 * hidden, tags)
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.start, self.end = nn.Parameter(torch.zeros(tags)), nn.Parameter(torch.zeros(tags))

    def forward(self, tokens, mask):
        letters = tokens[:, :, 1:]
        seen = self.convolution(self.characters(letters).flatten(0, 1).transpose(1, 2))
        seen = seen.masked_fill(letters.flatten(0, 1)[:, None] == 0, -torch.inf).amax(2).relu()
        x = torch.cat([self.embedding(tokens[:, :, 0]), seen.view(*letters.shape[:2], -1)], 2)
        y = self.lstm(x)[0] * mask[:, :, None]
        return self.intent(y.sum(1) / mask.sum(1, keepdim=True)), self.slots(y), mask

    def criterion(self, outputs, labels):
        intents, emissions, mask = outputs
        count = emissions.shape[2]
        tags = labels % count
        paths = self.start + emissions[:, 0]
        score = self.start[tags[:, 0]] + emissions[:, 0].gather(1, tags[:, :1])[:, 0]
        for t in range(1, emissions.shape[1]):
            alive = mask[:, t:t + 1] > 0
            longer = torch.logsumexp(paths[:, :, None] + self.transitions, 1) + emissions[:, t]
            paths = torch.where(alive, longer, paths)
            step = self.transitions[tags[:, t - 1], tags[:, t]]
            score = score + mask[:, t] * (step + emissions[:, t].gather(1, tags[:, t:t + 1])[:, 0])
        last = tags.gather(1, mask.sum(1, keepdim=True).long() - 1)[:, 0]
        likelihood = score + self.end[last] - torch.logsumexp(paths + self.end, 1)
        return nn.functional.cross_entropy(intents, labels[:, 0] // count) - (likelihood / mask.sum(1)).mean()


def make_model(shape, private):
    if shape["kind"] == "bilstm-cnn-crf":
        return BiLstmCnnCrf(shape, private)
    if shape["kind"] == "gpt":
        return CausalLm(shape)
    if shape["kind"] == "transformer" and not shape.get("pre_norm", True):
        return Bert(shape)
    if shape["kind"] == "transformer":
        return Transformer(shape)
    if shape["kind"] in ("bilstm", "bow"):
        return BiLstm(shape, private) if shape["kind"] == "bilstm" else Bag(shape)
    raise SystemExit(f"no model of kind {shape['kind']} here")


def make_batch(shape):
    torch.manual_seed(1)
    lengths = torch.tensor(shape["lengths"])
    tokens = torch.randint(shape["vocabulary"], (len(lengths), int(lengths.max())))
    mask = (torch.arange(tokens.shape[1])[None] < lengths[:, None]).float()
    if shape["kind"] == "bilstm-cnn-crf":
        letters = torch.randint(1, CHARACTERS, (*tokens.shape, LETTERS))
        letters[torch.arange(LETTERS) >= torch.randint(4, LETTERS + 1, (*tokens.shape, 1))] = 0
        labels = torch.randint(shape["classes"], (len(lengths), 1)) * shape["tags"] + torch.randint(
            shape["tags"], tokens.shape)
        return torch.cat([tokens[:, :, None], letters], 2), mask, labels
    if shape["kind"] != "gpt":
        return tokens, mask, torch.randint(shape["classes"], (len(lengths),))
    labels = tokens.roll(-1, 1).masked_fill(mask.roll(-1, 1) == 0, -100)
    labels[:, -1] = -100
    return tokens, mask, labels


def criterion_of(model):
    """What the model brings itself, or cross-entropy of its outputs."""
    return getattr(model, "criterion", None) or nn.CrossEntropyLoss()


def private_update(parameters, sums, batch):
    """Noise on the clipped sums, the mean, and the step of SGD."""
    with torch.no_grad():
        for parameter, total in zip(parameters, sums):
            parameter -= 1e-3 * (total + torch.randn_like(total)) / batch


def loop_step(model, batch):
    """DP-SGD in its original form: one example at a time, without its padding."""
    tokens, mask, labels = batch
    parameters = list(model.parameters())
    criterion = criterion_of(model)

    def step():
        sums = [torch.zeros_like(parameter) for parameter in parameters]
        for i in range(len(tokens)):
            length = int(mask[i].sum())
            label = labels[i:i + 1, :length] if labels.dim() == 2 else labels[i:i + 1]
            loss = criterion(model(tokens[i:i + 1, :length], mask[i:i + 1, :length]), label)
            gradients = torch.autograd.grad(loss, parameters)
            norm = torch.sqrt(sum(g.square().sum() for g in gradients))
            factor = (1 / (norm + 1e-6)).clamp(max=1)
            for total, gradient in zip(sums, gradients):
                total.add_(gradient * factor)
        private_update(parameters, sums, len(tokens))

    return step


def vmap_step(model, batch):
    """Per-example gradients by torch.func, then the same as everywhere."""
    tokens, mask, labels = batch
    from torch.func import functional_call, grad, vmap
    named = dict(model.named_parameters())
    criterion = criterion_of(model)

    def loss_of(parameters, token, seen, label):
        return criterion(functional_call(model, parameters, (token[None], seen[None])), label[None])

    per_example = vmap(grad(loss_of), in_dims=(None, 0, 0, 0), randomness="different")

    def step():
        gradients = per_example({name: value.detach() for name, value in named.items()}, tokens, mask, labels)
        norms = torch.sqrt(sum(g.flatten(1).square().sum(1) for g in gradients.values()))
        factors = (1 / (norms + 1e-6)).clamp(max=1)
        sums = [torch.tensordot(factors, gradients[name], dims=1) for name in named]
        private_update(list(named.values()), sums, len(tokens))

    return step


def make_step(shape, mode):
    batch = make_batch(shape)
    tokens, mask, labels = batch
    model = make_model(shape, mode.startswith("opacus")).train()
    if mode in ("loop", "vmap"):
        return (loop_step if mode == "loop" else vmap_step)(model, batch)
    if mode == "pytorch-compiled":
        model = torch.compile(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    criterion = criterion_of(model)
    if mode.startswith("opacus"):
        from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping
        from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
        from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping
        common = {"noise_multiplier": 1.0, "max_grad_norm": 1.0, "expected_batch_size": len(tokens)}
        if mode == "opacus-hooks":
            model = GradSampleModule(model)
            optimizer = DPOptimizer(optimizer, **common)
        else:
            model = GradSampleModuleFastGradientClipping(model, max_grad_norm=1.0, use_ghost_clipping=True)
            optimizer = DPOptimizerFastGradientClipping(optimizer, **common)
            criterion = DPLossFastGradientClipping(model, optimizer, criterion)

    def loss():
        logits = model(tokens, mask)
        if mode == "opacus-ghost" and labels.dim() == 2:  # it averages an example's words itself
            rows = logits.transpose(1, 2).reshape(-1, logits.shape[1])
            return criterion(rows, labels.reshape(-1), shape=labels.shape)
        return criterion(logits, labels)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        optimizer.step()

    return step


def measure(shape, mode, options):
    torch.set_num_threads(options.threads)
    torch.set_default_device(options.device)
    wait = torch.cuda.synchronize if options.device.startswith("cuda") else lambda: None
    step = make_step(shape, mode)
    for _ in range(3):
        step()
    clock, processor = [], []
    for _ in range(options.steps):
        started, cpu = time.perf_counter(), time.process_time()
        step()
        wait()
        clock.append(1e3 * (time.perf_counter() - started))
        processor.append(1e3 * (time.process_time() - cpu))
    return {"shape": shape["name"], "mode": mode, "threads": options.threads, "steps": options.steps,
            "device": options.device, "minimum_ms": min(clock), "median_ms": sorted(clock)[len(clock) // 2],
            "minimum_cpu_ms": min(processor),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shapes")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--modes", default="pytorch,pytorch-compiled,loop,vmap,opacus-hooks,opacus-ghost")
    parser.add_argument("--seconds", type=float, default=300, help="limit for one shape and mode")
    parser.add_argument("--device", default="cpu", help="where steps run: cpu, cuda or cuda:N")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args()
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
                       "--threads", str(options.threads), "--steps", str(options.steps),
                       "--device", options.device]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=options.seconds)
            except subprocess.TimeoutExpired:
                results.append({"shape": shape["name"], "mode": mode,
                                "error": f"not done after {options.seconds} s"})
                continue
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
