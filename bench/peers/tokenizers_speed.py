"""Times Hugging Face tokenizers on one thread on the lines of a text, and compares its ids with those of
`discreet bench --what tokenizers`, which ran before:

    discreet bench --what tokenizers MODEL ... --text FILE --json > ours.json
    bench/peers/tokenizers_speed.py ours.json > peers.json          # needs tokenizers (0.23.3)
"""
import gzip
import hashlib
import json
import os
import pathlib
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402


def main():
    ours = json.loads(pathlib.Path(sys.argv[1]).read_text())
    lines = []
    text = pathlib.Path(ours["text"]).read_bytes()
    for line in (gzip.decompress(text) if text[:2] == b"\x1f\x8b" else text).decode().split("\n"):
        lines.append(line[:-1] if line.endswith("\r") else line)
    if lines and not lines[-1]:
        lines.pop()
    size = sum(len(line.encode()) for line in lines)
    assert (len(lines), size) == (ours["lines"], ours["bytes"]), "not the same text"
    results = []
    for model in dict.fromkeys(row["model"] for row in ours["results"]):
        path = pathlib.Path(model)
        tokenizer = tokenizers.Tokenizer.from_file(str(path / "tokenizer.json" if path.is_dir() else path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        for offsets in (False, True):
            mine = next(r for r in ours["results"] if r["model"] == model and r["offsets"] == offsets)
            encode = tokenizer.encode_batch if offsets else tokenizer.encode_batch_fast
            times = []
            for _ in range(ours["repeats"] + 1):
                start = time.process_time()
                encodings = encode(lines)
                times.append(time.process_time() - start)
            ids = "".join(f"{i}\n" for e in encodings for i in e.ids)
            equal = hashlib.sha256(ids.encode()).hexdigest() == mine["ids_sha256"]
            best = min(times[1:])
            results.append({"model": model, "offsets": offsets, "ids_equal": equal, "minimum_cpu_seconds": best,
                            "megabytes_per_second": size / 1e6 / best, "ours_megabytes_per_second": mine["megabytes_per_second"],
                            "times_faster": best / mine["minimum_cpu_seconds"]})
            if not equal:
                print(f"{model}: ids differ", file=sys.stderr)
    print(json.dumps({"tokenizers": tokenizers.__version__, "text": ours["text"], "results": results}, indent=2))
    return 0 if all(r["ids_equal"] for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
