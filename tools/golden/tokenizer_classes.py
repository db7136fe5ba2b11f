#!/usr/bin/env python3
"""Prints the entries of kClassChanges in discreet/text/subword/internal/class_data.cpp: what Hugging Face tokenizers takes
each code point for, asked of it one by one.

    pip install tokenizers==0.23.3
    tools/golden/tokenizer_classes.py
"""
from tokenizers import Regex, normalizers as N, pre_tokenizers as P

SPACES = {9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000} | set(range(0x2000, 0x200B))


def questions():
    """For each bit a function of a character, in the order of ClassBit in code_points.h."""
    def pieces(pre_tokenizer, around, count):
        return lambda c: len(pre_tokenizer.pre_tokenize_str(around + c + around)) == count

    def removed(normalizer):
        return lambda c: normalizer.normalize_str("a" + c + "a") == "aa"

    def bert(**options):
        return N.BertNormalizer(**{"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **options})

    return [pieces(P.Split(Regex(r"\p{L}"), "isolated"), "!!", 3), pieces(P.Split(Regex(r"\p{N}"), "isolated"), "a", 3),
            lambda c: ord(c) in SPACES, pieces(P.Whitespace(), "a", 1), removed(bert(clean_text=True)),
            pieces(P.BertPreTokenizer(), "a", 3), removed(bert(strip_accents=True)), removed(N.StripAccents()),
            pieces(P.Digits(individual_digits=True), "a", 3)]


def main():
    asked, last, line = questions(), None, "   "
    for code_point in range(0x110000):
        surrogate = 0xD800 <= code_point < 0xE000
        bits = 0 if surrogate else sum(1 << i for i, ask in enumerate(asked) if ask(chr(code_point)))
        if bits == last:
            continue
        last = bits
        entry = f" 0x{code_point << 11 | bits:x},"
        if len(line) + len(entry) > 100:
            print(line)
            line = "   "
        line += entry
    print(line)


if __name__ == "__main__":
    main()
