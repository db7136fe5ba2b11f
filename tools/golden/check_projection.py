#!/usr/bin/env python3
"""Does a folder that `discreet mitigate project` wrote load elsewhere, with its projection in effect?

    python3 tools/golden/check_projection.py BEFORE AFTER TEXTS.jsonl COLUMN

Loads both folders in transformers (sentence encoders in sentence-transformers) and prints, of what the projected layer
makes of the texts, the largest difference between the means of the column's values, in standard deviations. LEACE makes
it 0 on the texts that it was fitted on. Exits with 1 if the written folder shows more than a hundredth of what was there.
"""

import json
import pathlib
import sys

import numpy
import torch


def read(path, column):
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    return [row["text"] for row in rows], numpy.array([row[column] for row in rows])


def hooked(model, layer, tokenizer, texts):
    """What `layer` gives for each text, one row of a text or of each of its tokens, and whose it is."""
    seen, whose = [], []
    handle = layer.register_forward_hook(lambda module, inputs, output: seen.append(output.detach().float()))
    with torch.no_grad():
        for number, text in enumerate(texts):
            model(**tokenizer(text, truncation=True, return_tensors="pt"))
            rows = seen[-1].reshape(-1, seen[-1].shape[-1])
            seen[-1] = rows
            whose += [number] * len(rows)
    handle.remove()
    return torch.cat(seen).numpy(), numpy.array(whose)


def rows_of(folder, texts):
    """Rows that a projection into the folder's head changes, and the text of each."""
    folder = pathlib.Path(folder)
    if (folder / "modules.json").exists():
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu").float()
        for module in list(model):  # what normalises rows hides the means
            if type(module).__name__ == "Normalize":
                module.forward = lambda features: features
        return numpy.asarray(model.encode(texts)), numpy.arange(len(texts))
    import transformers

    name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"][0]
    model = getattr(transformers, name).from_pretrained(folder).float().eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    layer = model.classifier if hasattr(model, "classifier") else model.cls.predictions.transform.dense
    return hooked(model, layer, tokenizer, texts)


def gap(folder, texts, groups):
    rows, whose = rows_of(folder, texts)
    means = [rows[groups[whose] == value].mean(0) for value in sorted(set(groups))]
    return float(max(numpy.abs(a - b).max() for a in means for b in means) / rows.std(0).mean())


def main():
    before, after, path, column = sys.argv[1:5]
    texts, groups = read(path, column)
    old, new = gap(before, texts, groups), gap(after, texts, groups)
    print(f"largest difference of means: {old:.4f} before, {new:.6f} after")
    return 0 if new < old / 100 else 1


if __name__ == "__main__":
    sys.exit(main())
