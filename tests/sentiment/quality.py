#!/usr/bin/env python3
"""How well the shipped lexicons tell good reviews from bad ones: figures, no verdict.

usage: quality.py [LEXICON...]        (default: conf/lexicons/*.txt; build folder in GLINT_BUILD, default build)

English: clothing-reviews.jsonl.gz, 4 and 5 stars against 1 and 2 (AUC of the compound; recalls at +-0.05).
Chinese: zh-clothing-labelled.tsv.gz. Nothing is learnt from either. The files are in $GLINT_DATA or ../shared/data.
"""
import glob
import gzip
import json
import os
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
DATA = os.environ.get("GLINT_DATA") or os.path.join(TOP, "../shared/data")
TOOL = os.path.join(os.environ.get("GLINT_BUILD", os.path.join(TOP, "build")), "tests/sentiment/score_lines")


def auc(scores, good):
    """Chance that a good review outscores a bad one, ties half (Mann-Whitney)."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    rank_sum, i = 0.0, 0
    while i < len(order):
        j = i
        while j < len(order) and scores[order[j]] == scores[order[i]]:
            j += 1
        rank_sum += sum(good[k] for k in order[i:j]) * (i + j + 1) / 2
        i = j
    n = sum(good)
    return (rank_sum - n * (n + 1) / 2) / (n * (len(good) - n))


def report(name, lexicons, rows):
    """rows: (good, lang, title, text)"""
    clean = lambda s: " ".join((s or "").split())
    lines = "".join("%s\t%s\t%s\n" % (lang, clean(title), clean(text)) for _, lang, title, text in rows)
    out = subprocess.run([TOOL, "--scorer"] + lexicons, input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    pairs = [(float(s), row[0]) for s, row in zip(out, rows) if s != "none"]
    good, bad = [s for s, g in pairs if g], [s for s, g in pairs if not g]
    up, down = sum(s > 0 for s in good) / len(good), sum(s <= 0 for s in bad) / len(bad)
    print("%-22s n %5d + %4d  AUC %.4f  balanced accuracy %.4f  recall at 0.05: good %.3f, bad %.3f" % (
        name, len(good), len(bad), auc([s for s, _ in pairs], [g for _, g in pairs]), (up + down) / 2,
        sum(s >= .05 for s in good) / len(good), sum(s <= -.05 for s in bad) / len(bad)))


def main():
    lexicons = sys.argv[1:] or sorted(glob.glob(os.path.join(TOP, "conf/lexicons/*.txt")))
    with gzip.open(os.path.join(DATA, "clothing-reviews.jsonl.gz"), "rt", encoding="utf-8") as f:
        reviews = [r for r in map(json.loads, f) if r["text"] and r["rating"] != 3]
    report("English, text", lexicons, [(r["rating"] > 3, "en", "", r["text"]) for r in reviews])
    report("English, title + text", lexicons, [(r["rating"] > 3, "en", r["title"], r["text"]) for r in reviews])
    with gzip.open(os.path.join(DATA, "zh-clothing-labelled.tsv.gz"), "rt", encoding="utf-8", newline="\n") as f:
        rows = [line.rstrip("\n").split("\t", 1) for line in f]
    report("Chinese", lexicons, [(label == "1", "zh", "", text) for label, text in rows])


if __name__ == "__main__":
    main()
