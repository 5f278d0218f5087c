#!/usr/bin/env python3
"""Scores of our VADER rules with VADER's imported lexicon, beside vaderSentiment itself, to the last printed decimal.

usage: vader_differential.py [--random N] [--seed S]        (build folder in GLINT_BUILD, default build)

Imports the lexicon that the installed vaderSentiment package carries through `glintctl lexicon import vader`, then compares
compound, pos, neu and neg of (1) seeded random strings of lexicon words, negations, boosters, idioms, emoji, punctuation, capitals
and odd characters, and (2) every line of en-amazon-labelled.tsv.gz from $GLINT_DATA or ../shared/data, when that is there.
It runs itself again in the tests' venv (tests/venv.sh), which holds vaderSentiment, and prints TAP lines.
"""
import argparse
import gzip
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
try:
    import vaderSentiment.vaderSentiment as original
except ImportError:
    venv = subprocess.run([os.path.join(HERE, "../venv.sh")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if venv.returncode != 0:
        print("ok - scores equal vaderSentiment's # SKIP " + (venv.stderr.strip().splitlines() or ["no environment"])[-1])
        sys.exit(0)
    os.execv(venv.stdout.strip(), [venv.stdout.strip(), "-B"] + sys.argv)

WHITE = [" ", " ", " ", " ", " ", "  ", "\t", "\u00a0", "\u3000", "\u2009", "\x1f", "\x85"]
MARKS = list("!?.,;:'\"()-*~_#@[]{}") + ["!!", "!!!", "!!!!!", "??", "???", "????", "...", "!?", "\u2026", "\u2019"]
GRAMMAR = ("no nor or so this never without doubt least at very but kind of the and is it was i a not isn't don't n't "
           "kinda sort just enough bad ass shit bomb bus stop yeah right kiss death to die for beating heart cut mustard").split()
ODD = ["\u0130", "\u03a3", "\u01c5", "\u00aa", "\u2160", "\u24d0", "\u00df", "\ufb01", "\u4e2d\u6587", "\u0661", "e\u0301", "\u200d",
       "\ufe0f", "\U0001f3fd", "\u1e9e", "\U00010400", "\u2c62", "\u023a", "\u0149", "\U0001f600\U0001f44d", "\U0001f469\u200d\U0001f4bb"]


def cased(rng, word):
    r = rng.random()
    return word.upper() if r < .18 else word.title() if r < .25 else word.swapcase() if r < .27 else word


def letter(rng):
    while True:
        c = chr(rng.choice((rng.randrange(0x80, 0x600), rng.randrange(0x80, 0x3000), rng.randrange(0xa640, 0xd7a0), rng.randrange(0x10000, 0x1e900))))
        if not 0xd800 <= ord(c) < 0xe000:
            return c


def random_strings(rng, n, analyzer):
    words = sorted(analyzer.lexicon)
    strong = [w for w in words if w.isalpha()]
    pools = [(strong, 9), (words, 4), (sorted(original.BOOSTER_DICT), 4), (sorted(original.NEGATE), 3), (sorted(original.SPECIAL_CASES), 1),
             (GRAMMAR, 6), (sorted(analyzer.emojis), 2), (MARKS, 2), (["table", "dress", "ring", "arrived", "Size", "XL", "x"], 3), (ODD, 1)]
    lists, weights = [p for p, _ in pools], [w for _, w in pools]
    for _ in range(n):
        parts = []
        for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 6, 8, 12, 20, 40))):
            pool = rng.choices(lists, weights)[0]
            parts.append(cased(rng, rng.choice(pool)) if rng.random() > .02 else letter(rng) + letter(rng))
            if rng.random() < .15:
                parts.append(rng.choice(MARKS))
            if rng.random() < .97:
                parts.append(rng.choice(WHITE))
            if rng.random() < .05:
                parts.insert(rng.randrange(len(parts)), rng.choice(MARKS))
        yield "".join(parts)


def ours(tool, lexicon, texts):
    data = b"".join(t.encode() + b"\n" for t in texts)
    out = subprocess.run([tool, lexicon], input=data, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    assert len(out) == len(texts), "%d lines in, %d out" % (len(texts), len(out))
    return [tuple(map(float, line.split())) for line in out]


def verdict(sentence, good):
    print("%s - %s" % ("ok" if good else "not ok", sentence))
    return good


def compare(sentence, tool, lexicon, analyzer, texts):
    wrong, charged = 0, 0
    for text, got in zip(texts, ours(tool, lexicon, texts)):
        s = analyzer.polarity_scores(text)
        want = (s["compound"], s["pos"], s["neu"], s["neg"])
        charged += want[0] != 0
        if want != got:
            wrong += 1
            if wrong <= 10:
                print("# differs: %r\n#   vaderSentiment %s\n#   ours           %s" % (text, want, got))
    print("# %d texts, %d of them not neutral, %d differ" % (len(texts), charged, wrong))
    return verdict(sentence, wrong == 0 and charged > len(texts) / 2)


def lists_of(path):
    """The sections of a lexicon file: {"words": {term: value}}"""
    lists = {}
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if line.startswith("[") and line.endswith("]"):
            section = lists.setdefault(line[1:-1], {})
        elif line and not line.startswith(("#", "@")):
            term, _, value = line[line.startswith("\\"):].partition("\t")
            section[term] = value
    return lists


def numbers(d):
    return {k: float(v) for k, v in d.items()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--random", type=int, default=10000)
    p.add_argument("--seed", type=int, default=3)
    args = p.parse_args()
    build = os.environ.get("GLINT_BUILD", "build")
    tool, glintctl = os.path.join(build, "tests/sentiment/score_lines"), os.path.join(build, "glintctl")
    analyzer = original.SentimentIntensityAnalyzer()
    package = os.path.dirname(os.path.abspath(original.__file__))
    with tempfile.NamedTemporaryFile(suffix=".txt") as lexicon:
        subprocess.run([glintctl, "lexicon", "import", "vader", os.path.join(package, "vader_lexicon.txt"),
                        os.path.join(package, "emoji_utf8_lexicon.txt")], stdout=lexicon, check=True)
        lists = lists_of(lexicon.name)
        good = verdict("The imported lexicon has every word, emoji, booster, special case and negation of vaderSentiment's.",
                       numbers(lists["words"]) == analyzer.lexicon and lists["emoji"] == analyzer.emojis and
                       numbers(lists["boosters"]) == original.BOOSTER_DICT and numbers(lists["idioms"]) == original.SPECIAL_CASES and
                       set(lists["negations"]) == set(original.NEGATE))
        texts = list(random_strings(random.Random(args.seed), args.random, analyzer))
        good &= compare("%d random strings (seed %d) score as vaderSentiment scores them, to the last decimal." % (args.random, args.seed),
                        tool, lexicon.name, analyzer, texts)
        folder = os.environ.get("GLINT_DATA") or os.path.join(HERE, "../../../shared/data")
        amazon = os.path.join(folder, "en-amazon-labelled.tsv.gz")
        sentence = "Every line of en-amazon-labelled scores as vaderSentiment scores it, to the last decimal."
        if os.path.exists(amazon):
            with gzip.open(amazon, "rt", encoding="utf-8", newline="\n") as f:
                texts = [line.rstrip("\n").split("\t", 1)[1] for line in f]
            good &= compare(sentence, tool, lexicon.name, analyzer, texts)
        else:
            print("ok - %s # SKIP en-amazon-labelled.tsv.gz is neither in GLINT_DATA nor in ../shared/data" % sentence)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
