#!/usr/bin/env python3
"""Writes run directories to render reports from: everything in them is made here.

  make_runs.py PROGRAM FOLDER

FOLDER/plain is without privacy, FOLDER/private with it, FOLDER/hostile has names that would break
out of a page that does not escape, FOLDER/bare is a run that has only begun.
"""
import json
import math
import pathlib
import random
import subprocess
import sys

HOSTILE = "</title></svg><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&"


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def start_run(folder, model, task="intent-slot"):
    (folder / "audits").mkdir(parents=True)
    write_json(folder / "manifest.json", {
        "schema": "discreet.run.manifest/1", "version": "0.1.0", "git_revision": None,
        "started": "2026-01-02T03:04:05Z", "command_line": ["discreet", "train"],
        "seeds": {"run": 1}, "threads": 1, "device": "cpu", "libtorch": None, "blas": None,
        "inputs": []})
    (folder / "config.toml").write_text(
        f"task = {json.dumps(task)}\n[data]\ntrain = \"assistant\"\n[model]\n"
        f"kind = {json.dumps(model)}\n")


def write_metrics(folder, private, steps=1200):
    rng = random.Random(3)
    lines = []
    for step in range(10, steps + 1, 10):
        loss = 0.2 + 2.4 * math.exp(-step / 260) + rng.gauss(0, 0.05)
        line = {"step": step, "split": "train", "loss": round(loss, 4), "examples": 64}
        if private:
            line["epsilon"] = round(0.6 + 7.3 * math.sqrt(step / steps), 4)
            line["not_private"] = ["loss", "examples", "clipped"]
        lines.append(line)
        if step % 100 == 0:
            lines.append({"step": step, "split": "dev", "loss": round(loss + 0.12, 4),
                          "intent_accuracy": round(0.97 - 0.7 * math.exp(-step / 220), 4),
                          "slot_f1": round(0.93 - 0.8 * math.exp(-step / 300), 4)})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))


def write_result(folder, private, accuracy):
    result = {"schema": "discreet.train/1", "run": "run", "private": private, "steps": 1200,
              "epsilon": 7.9 if private else None, "delta": 1e-5 if private else None,
              "seconds": 93.4, "split": "test", "n": 700,
              "metrics": {"intent_accuracy": accuracy, "slot_f1": accuracy - 0.04,
                          "exact_match": accuracy - 0.11, "calibration_error": 0.0213,
                          "loss": 0.2312}}
    if not private:
        result["epsilon_reason"] = result["delta_reason"] = "trained without a privacy mechanism"
    write_json(folder / "result.json", result)


def add_membership(program, folder, scratch, shift):
    rng = random.Random(5)
    scores = scratch / "scores.jsonl"
    scores.write_text("".join(
        json.dumps({"member": int(i < 1300), "score": rng.gauss(shift * (i < 1300), 1)}) + "\n"
        for i in range(2600)))
    call(program, "audit", "membership", "--scores", scores, "--resamples", "200",
         "--out", folder / "audits" / "membership-0123456789ab.json")


def add_groups(program, folder, scratch, names):
    rng = random.Random(7)
    rows = []
    for k, name in enumerate(names):
        for _ in range(max(3, 260 // (k + 1))):
            right = rng.random() < 0.96 - 0.012 * k
            rows.append({"label": "a", "prediction": "a" if right else "b", "speaker": name})
    table = scratch / "groups.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call(program, "fairness", "groups", "--input", table, "--prediction", "prediction",
         "--group", "speaker", "--resamples", "200",
         "--out", folder / "audits" / "fairness-groups-0123456789ab.json")


def add_statement(program, folder):
    """privacy.json as the program itself states it."""
    text = call(program, "privacy", "statement", "--noise-multiplier", "0.8",
                "--sampling-rate", "64/13084", "--steps", "1200", "--delta", "1e-5", "--json")
    (folder / "privacy.json").write_text(text)


def call(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def make_runs(program, folder):
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"speaker-{k:02d}" for k in range(18)] + ["a speaker with a very long name indeed"]
    for name, private, accuracy, shift in (("plain", False, 0.9757, 0.45),
                                           ("private", True, 0.9486, 0.03)):
        run = folder / name
        start_run(run, "bilstm")
        write_metrics(run, private)
        write_result(run, private, accuracy)
        if private:
            add_statement(program, run)
        add_membership(program, run, folder, shift)
        add_groups(program, run, folder, names)
    hostile = folder / "hostile"
    start_run(hostile, HOSTILE, task=HOSTILE)
    write_metrics(hostile, True, steps=200)
    write_result(hostile, True, 0.5)
    result = json.loads((hostile / "result.json").read_text())
    result["metrics"] = {HOSTILE: 0.5, "accuracy": 0.25}
    write_json(hostile / "result.json", result)
    add_groups(program, hostile, folder, [HOSTILE, "x", "ünï😀"])
    write_json(hostile / "audits" / "other.json",
               {"schema": "else.where/1", "results": [], "caveats": [HOSTILE]})
    start_run(folder / "bare", "transformer")


if __name__ == "__main__":
    make_runs(sys.argv[1], pathlib.Path(sys.argv[2]))
