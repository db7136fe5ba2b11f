#!/usr/bin/env python3
"""Makes tests/golden/contextual: a random small BERT with both heads, vectors of words in context, CEAT and next sentences.

    python3 tools/golden/contextual.py [--out tests/golden/contextual]

The folder has the model and tokeniser as transformers writes them, and expected.json: the lines of a small corpus, for each
word the byte at which it stands in each of its lines and the last hidden state of its last piece; the effect size and variance
of CEAT (Guo and Caliskan 2021) on every word's first context; mean, deviation and random-effects combination over all
choices of one context per word; and the next-sentence head's probability that a sentence follows another. Needs torch,
transformers and tokenizers; made on a CPU in float32.
"""
import argparse
import itertools
import json
import os
import pathlib

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy
import tokenizers
import torch
import transformers

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ("she her he his nurse teach ##er dance ##r pilot engineer brother sister the a an was is kind fast tired house "
         "river to went from with and saw read letter long old new day . ,").split()
LINES = [
    "she went to the old house with a nurse .",
    "the nurse was kind and read her letter .",
    "a teacher saw his brother , and he was tired .",
    "her teacher is old .",
    "the pilot went from the river to his house .",
    "he saw a new pilot .",
    "an engineer is fast and tired .",
    "she was an engineer .",
]
SETS = {"X": ["nurse", "teacher"], "Y": ["pilot", "engineer"], "A": ["she", "her"], "B": ["he", "his"]}
PAIRS = [
    ("she went to the river .", "the nurse was kind ."),
    ("she went to the river .", "a long letter from his brother ."),
    ("the teacher was tired .", "he read a letter ."),
]


def make_model(folder):
    torch.manual_seed(7)
    (folder / "vocab.txt").write_text("\n".join(SPECIAL + WORDS) + "\n")
    tokenizer = tokenizers.BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = transformers.BertConfig(vocab_size=len(SPECIAL + WORDS), hidden_size=16, num_hidden_layers=2,
                                     num_attention_heads=2, intermediate_size=24, max_position_embeddings=40)
    model = transformers.BertForPreTraining(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too, so that a part that is left out shows
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return model, tokenizer


def vectors_of(model, tokenizer):
    words = {word: [] for words in SETS.values() for word in words}
    for number, line in enumerate(LINES):
        coded = tokenizer.encode(line)
        with torch.no_grad():
            hidden = model.bert(torch.tensor([coded.ids])).last_hidden_state[0].numpy()
        for word in words:
            for begin in [i for i in range(len(line)) if line.startswith(word, i)]:
                end = begin + len(word)
                if (begin > 0 and line[begin - 1] != " ") or (end < len(line) and line[end] != " "):
                    continue
                last = max(i for i, (b, e) in enumerate(coded.offsets) if b < end and e > begin and e <= end)
                words[word].append({"line": number, "begin": begin, "vector": hidden[last].tolist()})
    return words


def effect(rows):
    """Effect size and variance of one context of every word."""
    unit = {key: [v / numpy.linalg.norm(v) for v in vectors] for key, vectors in rows.items()}
    s = {key: [numpy.mean([w @ a for a in unit["A"]]) - numpy.mean([w @ b for b in unit["B"]]) for w in unit[key]] for key in "XY"}
    both = numpy.array(s["X"] + s["Y"])
    return (numpy.mean(s["X"]) - numpy.mean(s["Y"])) / both.std(ddof=1), both.var(ddof=1)


def combine(effects, variances):
    w = 1 / variances
    q = (w * effects**2).sum() - (w * effects).sum()**2 / w.sum()
    c = w.sum() - (w**2).sum() / w.sum()
    between = max(0.0, (q - (len(effects) - 1)) / c)
    v = 1 / (variances + between)
    return {"effect": (v * effects).sum() / v.sum(), "between_variance": between}


def ceat(words):
    order = [(key, word) for key, names in SETS.items() for word in names]
    found = []
    for choice in itertools.product(*[range(len(words[word])) for _, word in order]):
        rows = {key: [] for key in SETS}
        for (key, word), context in zip(order, choice):
            rows[key].append(numpy.array(words[word][context]["vector"], dtype=numpy.float64))
        found.append(effect(rows))
    effects, variances = numpy.array(found).T
    return {"first": {"effect": found[0][0], "variance": found[0][1]}, "choices": len(found), "mean_effect": effects.mean(),
            "deviation": effects.std(ddof=0), "all": combine(effects, variances)}


def next_sentences(model, tokenizer):
    rows = []
    for first, second in PAIRS:
        coded = tokenizer.encode(first, second)
        with torch.no_grad():
            logits = model(torch.tensor([coded.ids]), token_type_ids=torch.tensor([coded.type_ids])).seq_relationship_logits[0]
        rows.append({"context": first, "sentence": second, "probability": logits.double().softmax(0)[0].item()})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/golden/contextual"))
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    model, tokenizer = make_model(folder)
    words = vectors_of(model, tokenizer)
    document = {"made_by": {"transformers": transformers.__version__, "torch": torch.__version__}, "lines": LINES, "sets": SETS,
                "words": words, "ceat": ceat(words), "next_sentence": next_sentences(model, tokenizer)}
    (folder / "expected.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
