"""The five models of `discreet bench --what federated` in PyTorch, with random data of the same shapes.

CASES[name] = (make_model, make_inputs(samples, generator) -> (x, y), cohort, samples per client, batch).
"""
import torch
from torch import nn


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, x):
        return self.layer(x)


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.head = nn.EmbeddingBag(10000, 64, mode="mean"), nn.Linear(64, 20)

    def forward(self, x):
        return self.head(self.words(x))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.characters = nn.Embedding(80, 8)
        self.lstm, self.head = nn.LSTM(8, 256, 2, batch_first=True), nn.Linear(256, 80)

    def forward(self, x):
        return self.head(self.lstm(self.characters(x))[0].mean(1))


class Image(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 32, 3), nn.Conv2d(32, 64, 3)
        self.hidden, self.head = nn.Linear(64 * 14 * 14, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        return self.head(torch.relu(self.hidden(torch.max_pool2d(x, 2).flatten(1))))


class Block(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2)
                   for part in self.qkv(self.first(x)).chunk(3, dim=-1))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(nn.functional.gelu(self.up(self.second(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(10000, 96), nn.Embedding(20, 96)
        self.blocks = nn.ModuleList(Block(96, 8, 1536) for _ in range(3))
        self.norm, self.head = nn.LayerNorm(96), nn.Linear(96, 10000, bias=False)

    def forward(self, x):
        h = self.words(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h)).flatten(0, 1)


def _features(width):
    return lambda n, g: (torch.rand(n, *width, generator=g), torch.randint(0, 10, (n,), generator=g))


def _words(length, vocabulary, classes):
    return lambda n, g: (torch.randint(0, vocabulary, (n, length), generator=g),
                         torch.randint(0, classes, (n,), generator=g))


def _next(n, g):
    return torch.randint(0, 10000, (n, 20), generator=g), torch.randint(0, 10000, (n, 20), generator=g)


CASES = {
    "linear": (Linear, _features((784,)), 10, 60, 10),
    "bag-of-words": (Bag, _words(32, 10000, 20), 100, 20, 10),
    "lstm": (Lstm, _words(80, 80, 80), 10, 20, 4),
    "cnn": (Image, _features((3, 32, 32)), 50, 50, 10),
    "transformer": (Transformer, _next, 20, 64, 16),
}


def clients_of(name):
    _, make_inputs, cohort, samples, _ = CASES[name]
    return [make_inputs(samples, torch.Generator().manual_seed(k)) for k in range(cohort)]


def loss_of(model, x, y):
    return nn.functional.cross_entropy(model(x), y.flatten())


def describe(times, cohort, cpu_times=()):
    """Seconds of rounds to milliseconds a client; processor times where one process does all."""
    times = sorted(1e3 * t / cohort for t in times)
    cpu = {"minimum_cpu_ms_per_client": 1e3 * min(cpu_times) / cohort} if cpu_times else {}
    return {**cpu,
            "ms_per_client": times[len(times) // 2], "minimum_ms_per_client": times[0],
            "clients_per_second": 1e3 / times[len(times) // 2]}
