#!/usr/bin/env python3
"""Makes tests/golden/tokenizers: small tokenisers of every form, and what Hugging Face `tokenizers` and
`sentencepiece` make of awkward strings with them.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    tools/golden/tokenizer_forms.py tests/golden/tokenizers

A file is {"tokenizer": tokenizer.json as text, or "model": SentencePiece model in base64, "cases": [...]}. A case
is {"text" (and "pair") or "words", "special": false where none are added, "ids", "tokens", "offsets" (code points),
"words", "type_ids", "mask", "decoded", "decoded_with_special"}; of SentencePiece ids and decoded alone.
"""
import base64
import json
import os
import random
import sys
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as model_pb2
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders as D, models as M, normalizers as N, pre_tokenizers as P, processors as R, trainers as T

CHARACTERS = list(
    "aAbBzZéÉñßİıſǅΣςфЖאبक्षिกำ漢字かなカ한글ﬁﬀ①½²٣५Ⅳ\u0301\u0300\u0327\u0323\u0344\u0958\u1e9b\u212b\u00a0\u2003\u200b\u200d"
    "\u2028\u3000\ufeff\ufffd\u0085\x00\x01\x0b\x0c\x1f\x7f\u00ad\u202e\ue000\u0378\uffff\U000e0001😀👨👩\ufe0f🇩🇪🏽\U00020000"
    "\U0002f800\u1100\u1161\u11a8.,!?;:'\"-_()[]<>@#$%^&*+=|\\/`~ \t\n\r0123456789▁Ġ¡«»“”’…—€©™×")
FRAGMENTS = [
    "hello", "world", "The", "don't", "it's", "we'll", "THEY'RE", "  ", "\n\n", " \t ", "[MASK]", "[CLS]", " [SEP] ", "<s>",
    "</s>", "<unk>", "<|endoftext|>", "naïve", "café", "e\u0301", "👨\u200d👩\u200d👧", "🏳️\u200d🌈", "1,234.56", "x" * 130, "日本語", "中文",
    "한국어", "Привет", "İstanbul", "ＦＵＬＬ", "ﬃ", "##ing", "▁the", "<0x0A>", " .", "'s", "...", "\r\n", "ạ̀", "<mask>", " <mask> ", "yesterday"]
SENTENCES = """The quick brown fox jumps over the lazy dog, and it doesn't look back.
She said: "We'll see what happens when they're here tomorrow at 10:45."
Turn on the kitchen lights and play some music by the river, please!
How many people will there be in the house on the 23rd of September 2024?
Prices rose by 3.5 % (to 1,234.56 euros), which is the highest in years.
In the beginning there was nothing; then there was something, and nobody knew why.
It's the third time this week that the train from Köln to Paris was late.
Café and naïve are words with accents; Привет and 日本語 are not English.
An example of tokenization: untokenizable words are cut into smaller pieces.
Weather forecasts for tomorrow: rain in the north, sunshine in the south.""".split("\n")
BYTES = [f"<0x{b:02X}>" for b in range(256)]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def awkward(rng):
    kind = rng.random()
    if kind < 0.3:
        return "".join(rng.choice(CHARACTERS) for _ in range(rng.randrange(12)))
    if kind < 0.85:
        return "".join(rng.choice(FRAGMENTS) + rng.choice(["", "", " "]) if rng.random() < 0.7 else rng.choice(CHARACTERS)
                       for _ in range(rng.randrange(1, 9)))
    return rng.choice(SENTENCES)[:60]


def corpus():
    rng = random.Random(1)
    return SENTENCES * 3 + [awkward(rng) for _ in range(60)]


def bpe(pre, norm=None, dec=None, post=None, size=330, trainer=None, **model):
    tokenizer = Tokenizer(M.BPE(**model))
    if norm:
        tokenizer.normalizer = norm
    if pre:
        tokenizer.pre_tokenizer = pre
    if dec:
        tokenizer.decoder = dec
    tokenizer.train_from_iterator(corpus(), T.BpeTrainer(vocab_size=size, show_progress=False, **(trainer or {})))
    if post:
        tokenizer.post_processor = post
    return tokenizer


def byte_level(*args, size=330, special=(), **options):
    return bpe(*args, size=size, trainer={"initial_alphabet": P.ByteLevel.alphabet(), "special_tokens": list(special)}, **options)


def unigram(pre, norm=None, dec=None, post=None, fallback=False):
    tokenizer = Tokenizer(M.Unigram())
    if norm:
        tokenizer.normalizer = norm
    if pre:
        tokenizer.pre_tokenizer = pre
    if dec:
        tokenizer.decoder = dec
    special = ["<unk>", "<s>", "</s>"] + (BYTES if fallback else [])
    tokenizer.train_from_iterator([s for s in SENTENCES * 3 if s.isascii()],
                                  T.UnigramTrainer(vocab_size=150 + len(special), show_progress=False, unk_token="<unk>",
                                                   special_tokens=special))
    if fallback:
        text = json.loads(tokenizer.to_str())
        text["model"]["byte_fallback"] = True
        tokenizer = Tokenizer.from_str(json.dumps(text))
    if post:
        tokenizer.post_processor = post
    return tokenizer


def word_piece(norm, pre, post=None, cleanup=True):
    tokenizer = Tokenizer(M.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    tokenizer.normalizer = norm
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = D.WordPiece(cleanup=cleanup)
    tokenizer.train_from_iterator(corpus(), T.WordPieceTrainer(
        vocab_size=330, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    if post:
        tokenizer.post_processor = post
    return tokenizer


def word_level():
    tokenizer = Tokenizer(M.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = N.Lowercase()
    tokenizer.pre_tokenizer = P.Sequence([P.Whitespace(), P.Digits(False)])
    tokenizer.train_from_iterator(corpus(), T.WordLevelTrainer(vocab_size=150, show_progress=False, special_tokens=["[UNK]"]))
    return tokenizer


def with_added(tokenizer):
    tokenizer.add_tokens([AddedToken("yesterday", normalized=True), AddedToken("hello", single_word=True, normalized=True),
                          AddedToken("日本", lstrip=True, rstrip=True, normalized=True),
                          AddedToken("<x>", normalized=False, lstrip=True), "naïve"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False),
                                  AddedToken("[MASK]", rstrip=True, single_word=True, normalized=False), "<|endoftext|>"])
    return tokenizer


def forms():
    sequence = N.Sequence
    yield "bpe_suffix", bpe(P.Whitespace(), N.NFC(), D.BPEDecoder(), unk_token="[UNK]", end_of_word_suffix="</w>",
                            trainer={"special_tokens": ["[UNK]"], "end_of_word_suffix": "</w>"})
    yield "bpe_fused", bpe(P.WhitespaceSplit(), sequence([N.NFKC(), N.Lowercase(), N.StripAccents()]), D.BPEDecoder(), unk_token="[UNK]",
                           fuse_unk=True, trainer={"special_tokens": ["[UNK]"], "limit_alphabet": 50})
    yield "bpe_prefix", bpe(P.Sequence([P.WhitespaceSplit(), P.Punctuation("merged_with_previous")]), N.NFD(), D.WordPiece("##", False),
                            unk_token="[UNK]", continuing_subword_prefix="##",
                            trainer={"special_tokens": ["[UNK]"], "continuing_subword_prefix": "##", "limit_alphabet": 60})
    yield "bpe_without_unknown", bpe(P.Punctuation("removed"), N.NFKD(), trainer={"limit_alphabet": 40})
    for prefix, pattern, trim in [(True, True, True), (False, True, True), (True, False, False)]:
        yield f"roberta_{prefix:d}{pattern:d}{trim:d}", byte_level(
            P.ByteLevel(add_prefix_space=prefix, use_regex=pattern, trim_offsets=trim), None, D.ByteLevel(),
            R.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=trim, add_prefix_space=prefix), special=["<s>", "</s>"])
    yield "llama3", byte_level(
        P.Sequence([P.Split(Regex(LLAMA3), "isolated"), P.ByteLevel(False, use_regex=False)]), N.NFC(), D.ByteLevel(),
        R.Sequence([R.ByteLevel(trim_offsets=False), R.TemplateProcessing("<s> $A", "<s> $A <s>:1 $B:1", [("<s>", 0)])]),
        special=["<s>"], ignore_merges=True)
    yield "byte_level_digits", byte_level(
        P.Sequence([P.Digits(True), P.ByteLevel(True)]), sequence([N.Strip(), N.Replace(Regex(r"\s+"), " "), N.Prepend("_")]),
        D.ByteLevel(), R.ByteLevel(trim_offsets=True))
    yield "byte_level_normalizer", byte_level(None, sequence([N.NFC(), N.ByteLevel()]), D.ByteLevel())
    yield "byte_level_inside", byte_level(P.Sequence([P.ByteLevel(False), P.CharDelimiterSplit("e")]), None, D.ByteLevel())
    yield "llama2", bpe(P.Metaspace("▁", "first", True), None,
                        D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)]),
                        R.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)]), size=420, unk_token="<unk>", fuse_unk=True,
                        byte_fallback=True, trainer={"special_tokens": ["<unk>", "<s>", "</s>"] + BYTES, "limit_alphabet": 60})
    yield "metaspace_whole", bpe(P.Metaspace("▁", "always", False), sequence([N.Nmt(), N.NFKC()]), D.Metaspace("▁", "always"),
                                 unk_token="<unk>", trainer={"special_tokens": ["<unk>"], "limit_alphabet": 60})
    yield "unigram", unigram(P.Metaspace(), sequence([N.Nmt(), N.NFKC(), N.Replace(Regex(" {2,}"), " ")]), D.Metaspace(),
                             R.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 2)]))
    yield "unigram_bytes", unigram(P.Metaspace("▁", "never", True), N.Lowercase(), D.Sequence([D.ByteFallback(), D.Metaspace("▁", "never")]),
                                   fallback=True)
    yield "unigram_whole", unigram(None, sequence([N.Prepend("▁"), N.Replace(" ", "▁")]),
                                   D.Sequence([D.Replace("▁", " "), D.Fuse(), D.Strip(" ", 1, 0)]))
    rules = model_pb2.ModelProto.FromString(train_sentence_piece({"model_type": "unigram", "vocab_size": 130, "normalization_rule_tsv": True}))
    yield "precompiled", unigram(P.Metaspace(), sequence([N.Precompiled(rules.normalizer_spec.precompiled_charsmap), N.Strip(left=False, right=True),
                                                          N.Replace(Regex(" {2,}"), "▁")]), D.Metaspace())
    bert = R.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    yield "bert_cased", word_piece(N.BertNormalizer(lowercase=False), P.BertPreTokenizer(), bert)
    yield "bert_accents", word_piece(N.BertNormalizer(strip_accents=False, handle_chinese_chars=False), P.BertPreTokenizer())
    yield "template", word_piece(N.BertNormalizer(clean_text=False, strip_accents=True, lowercase=False), P.Whitespace(),
                                 R.TemplateProcessing("[CLS] $0 [SEP]", "[CLS]:0 $B:1 [SEP] $A:2 [SEP]:3", [("[CLS]", 2), ("[SEP]", 3)]))
    yield "split_words", word_piece(N.Strip(left=True, right=False), P.Split(Regex(r"\w+|[^\w\s]+"), "removed", invert=True), cleanup=False)
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        yield "split_" + behavior, word_piece(N.Strip(left=False, right=True), P.Sequence(
            [P.Split(Regex(r"[\s.,]"), behavior), P.Split("e", behavior), P.Split("-", behavior, invert=True), P.Punctuation(behavior)]))
    yield "word_level", word_level()
    yield "added_byte_level", with_added(byte_level(P.ByteLevel(add_prefix_space=True), None, D.ByteLevel()))
    yield "added_bert", with_added(word_piece(N.BertNormalizer(), P.BertPreTokenizer(), bert))
    yield "added_unigram", with_added(unigram(P.Metaspace("▁", "first"), N.NFKC(), D.Metaspace()))


def cases(tokenizer, seed):
    rng = random.Random(seed)
    for i in range(26):
        case = {"text": awkward(rng) if i > 3 else ["", " ", "a", "\n"][i]}
        if i % 9 == 4:
            case["pair"] = awkward(rng)
        if i % 9 == 5:
            case = {"given": awkward(rng).split(" ")}
        if i % 9 == 6:
            case["special"] = False
        special = case.get("special", True)
        if "given" in case:
            e = tokenizer.encode(case["given"], is_pretokenized=True)
        else:
            e = tokenizer.encode(case["text"], case.get("pair"), add_special_tokens=special)
        yield {**case, "ids": e.ids, "tokens": e.tokens, "offsets": e.offsets, "words": [-1 if w is None else w for w in e.word_ids],
               "type_ids": e.type_ids, "mask": e.special_tokens_mask, "decoded": tokenizer.decode(e.ids),
               "decoded_with_special": tokenizer.decode(e.ids, skip_special_tokens=False)}


def sentence_pieces():
    yield "unigram", {"model_type": "unigram", "vocab_size": 130, "normalization_rule_tsv": True}
    yield "unigram_bytes", {"model_type": "unigram", "vocab_size": 390, "byte_fallback": True, "normalization_rule_name": "identity",
                            "user_defined_symbols": ["<sep>", "hello", "é"]}
    yield "unigram_suffix", {"model_type": "unigram", "vocab_size": 130, "normalization_rule_name": "identity", "treat_whitespace_as_suffix": True,
                             "add_dummy_prefix": True}
    yield "unigram_spaces", {"model_type": "unigram", "vocab_size": 130, "normalization_rule_name": "identity", "add_dummy_prefix": False,
                             "remove_extra_whitespaces": False}
    yield "bpe", {"model_type": "bpe", "vocab_size": 160, "normalization_rule_tsv": True, "user_defined_symbols": ["don", "  "],
                  "control_symbols": ["<cls>"]}
    yield "bpe_bytes", {"model_type": "bpe", "vocab_size": 420, "byte_fallback": True, "normalization_rule_name": "identity",
                        "remove_extra_whitespaces": False, "split_digits": True, "unk_surface": "<?>"}


def train_sentence_piece(options):
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "text")
        with open(text, "w") as out:
            out.write("\n".join(SENTENCES))
        if options.pop("normalization_rule_tsv", False):
            rules = {"ＦＵ": "fu", "ﬁ": "fi", "ﬃ": "ffi", "①": "1", "\t": " ", "\u3000": " ", "\u200b": "", "e\u0301": "é", "½": "1/2", "\u00a0": " "}
            options["normalization_rule_tsv"] = os.path.join(folder, "rules.tsv")
            with open(options["normalization_rule_tsv"], "w") as out:
                for what, by in rules.items():
                    out.write(" ".join(f"{ord(c):x}" for c in what) + "\t" + " ".join(f"{ord(c):x}" for c in by) + "\n")
        sentencepiece.SentencePieceTrainer.train(input=text, model_prefix=os.path.join(folder, "m"), minloglevel=2, num_threads=1,
                                                 hard_vocab_limit=False, **options)
        with open(os.path.join(folder, "m.model"), "rb") as model:
            return model.read()


def write(folder, name, document):
    with open(os.path.join(folder, name + ".json"), "w") as out:
        head = {k: v for k, v in document.items() if k != "cases"}
        out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "cases": [\n' + ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in document["cases"]) + "\n]}\n")


def main(folder):
    for number, (name, tokenizer) in enumerate(forms()):
        write(folder, name, {"tokenizer": json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")),
                             "cases": list(cases(tokenizer, number))})
    for number, (name, options) in enumerate(sentence_pieces()):
        model = train_sentence_piece(options)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        rng = random.Random(100 + number)
        texts = ["", " ", "a", "\n"] + [awkward(rng) for _ in range(40)]
        encoded = [(t, processor.encode(t)) for t in texts]
        write(folder, "sentencepiece_" + name, {"model": base64.b64encode(model).decode(), "cases": [
            {"text": t, "ids": ids, "decoded": processor.decode(ids)} for t, ids in encoded]})


if __name__ == "__main__":
    main(sys.argv[1])
