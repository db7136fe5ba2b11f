#!/usr/bin/env python3
"""Learns vocabularies from a text with discreet and with Hugging Face tokenizers, compares them, and has tokenizers and
transformers read discreet's folders.

    pip install tokenizers transformers
    tools/golden/check_vocabulary.py build/discreet text.txt [SIZE]
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer


def main():
    program, text = sys.argv[1], sys.argv[2]
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
    lines = pathlib.Path(text).read_text().split("\n")[:500]
    equal = True
    with tempfile.TemporaryDirectory() as scratch:
        for kind in ("bpe", "wordpiece"):
            folder = f"{scratch}/{kind}"
            subprocess.run([program, "tokenizer", "train", "--type", kind, "--vocabulary-size", str(size), "--input", text,
                            "--out", folder, "--quiet"], check=True, stdout=subprocess.DEVNULL)
            if kind == "bpe":
                theirs = Tokenizer(models.BPE())
                theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
                trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=2, show_progress=False, special_tokens=["<|endoftext|>"],
                                              initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
            else:
                theirs = Tokenizer(models.WordPiece(unk_token="[UNK]"))
                theirs.normalizer = normalizers.BertNormalizer()
                theirs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
                trainer = trainers.WordPieceTrainer(vocab_size=size, min_frequency=2, show_progress=False, limit_alphabet=1000,
                                                    special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
            theirs.train([text], trainer)
            ours = Tokenizer.from_file(f"{folder}/tokenizer.json")
            if kind == "bpe":
                a, b = (json.loads(t.to_str())["model"] for t in (ours, theirs))
                same = a["vocab"] == b["vocab"] and a["merges"] == b["merges"]
                print(f"{kind}: {len(a['vocab'])} tokens, vocabulary and merges {'equal' if same else 'DIFFER'}")
            else:
                a, b = set(ours.get_vocab()), set(theirs.get_vocab())
                same = len(a ^ b) <= len(b) // 100
                print(f"{kind}: {len(a)} tokens, {len(a ^ b) // 2} differ")
            given = "\n".join(json.dumps(line) for line in lines) + "\n"
            out = subprocess.run([program, "tokenize", "--model", folder], input=given, capture_output=True, text=True, check=True)
            ids = [json.loads(line) for line in out.stdout.splitlines()]
            read = AutoTokenizer.from_pretrained(folder)
            loads = ids == [ours.encode(line).ids for line in lines] == [read(line)["input_ids"] for line in lines]
            print(f"{kind}: ids of {len(lines)} lines in tokenizers and transformers {'equal' if loads else 'DIFFER'}")
            equal = equal and same and loads
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
