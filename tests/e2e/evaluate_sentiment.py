#!/usr/bin/env python3
"""glintctl evaluate's sentiment figures and glintctl lexicon learn, over files made here. Weights are held against a minimiser of the same
objective written here (plain gradient descent), figures against counting by hand. Needs no server."""
import gzip, json, math, os, pathlib, random, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GLINTCTL = str(ROOT / os.environ.get("GLINT_BUILD", "build") / "glintctl")
folder = pathlib.Path(tempfile.mkdtemp(prefix="glint-evaluate-sentiment-"))
failed = 0


def case(f):
    global failed
    sentence = f.__name__.replace("_", " ")
    try:
        f()
        print("ok - " + sentence, flush=True)
    except AssertionError as e:
        failed += 1
        print(f"not ok - {sentence}\n# {e!r}", flush=True)


def run(*arguments):
    done = subprocess.run([GLINTCTL, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def result(*arguments):
    code, out, err = run("evaluate", "--json", *arguments)
    assert code == 0, (code, err)
    return json.loads(out)


def write(name, lines):
    path = folder / name
    opener = gzip.open if name.endswith(".gz") else open
    with opener(path, "wt", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in lines))
    return path


LEXICON = write("lexicon.txt", ["@language en", "[words]", "good\t2", "bad\t-2"])
OWN = ["--set", f"sentiment.lexicon_en={LEXICON}", "--set", "sentiment.weights_en="]


def review(i, stars, text, **more):
    return json.dumps({"event_id": f"r{i}", "ts": 1700000000000 + i, "user_id": f"u{i}", "item_id": "x", "rating": stars, "text": text, "lang": "en", **more})


def figures_are_those_counted_by_hand():
    # good: +2, 0, +2; bad: -2, +2, -2, 0; three stars, no text and no stars are left out; title and stars change nothing.
    # pairs of good above bad: +2 over -2 0 -2 (3) and a tie with +2 (.5), twice; 0 over -2 -2 (2), tie with 0 (.5): 9.5 of 12
    texts = [(5, "good"), (4, "chair"), (4.5, "good"), (1, "bad"), (2, "good"), (1.5, "bad"), (1, "chair"), (3, "bad"), (2.5, "bad"), (1, "")]
    lines = [review(i, s, t, title="bad bad bad") for i, (s, t) in enumerate(texts)]
    lines.append(json.dumps({"event_id": "q", "ts": 1700000009000, "user_id": "u", "item_id": "x", "text": "bad", "lang": "en"}))
    r = result(write("hand.jsonl", lines), *OWN)["sentiment"]
    assert r["n"] == 7 and math.isclose(r["auc"], 9.5 / 12), r
    assert math.isclose(r["recall_negative"], 2 / 4) and math.isclose(r["precision_negative"], 1), r
    # 0 becomes negative: three of four found, and one good one
    r = result(folder / "hand.jsonl", *OWN, "--set", "sentiment.negative=0")["sentiment"]
    assert math.isclose(r["recall_negative"], 3 / 4) and math.isclose(r["precision_negative"], 3 / 4), r


def labelled_texts_are_judged_by_sign():
    path = write("labelled.tsv.gz", ["1\tgood", "0.5\tchair", "-1\tbad", "-3.25\tchair", "-1\tgood", "0\tbad"])
    r = result("--labelled", path, "--lang", "en", *OWN)
    assert math.isclose(r["balanced_accuracy"], 7 / 12, rel_tol=1e-8) and r["accuracy"] == 3 / 5 and r["n"] == 5, r
    assert math.isclose(r["auc"], (1 + 1 + .5 + 1 + .5 + 0) / 6, rel_tol=1e-8), r


def madeup(n, seed):
    chance, lines = random.Random(seed), []
    for i in range(n):
        good = chance.random() < .7
        words = [f"w{chance.randrange(8)}" for _ in range(3)] + (["lovely"] if good and chance.random() < .6 else []) + (["drab"] if not good and chance.random() < .6 else [])
        words += ["good"] if chance.random() < (.5 if good else .2) else []
        words += ["bad"] if chance.random() < (.1 if good else .4) else []
        lines.append((good, sorted(set(words))))
    return lines


def weights_minimise_the_objective():
    docs, l2 = madeup(300, 11), .02
    path = write("made.jsonl", [review(i, 5 if good else 1, ". ".join(words)) for i, (good, words) in enumerate(docs)])
    code, out, err = run("lexicon", "learn", path, "--least", "20", "--l2", l2, *OWN)
    assert code == 0, err
    learnt = {l.split("\t")[0]: float(l.split("\t")[1]) for l in out.splitlines() if "\t" in l}
    prior = float(out.split("exp(-")[1].split(" x)")[0])
    assert "[pairs]" not in out and "[negated]" not in out and "made.jsonl" in out.splitlines()[1], out
    counts = {}
    for _, words in docs:
        for w in words:
            counts[w] = counts.get(w, 0) + 1
    names = sorted(w for w in counts if counts[w] >= 20)
    n_good = sum(good for good, _ in docs)
    rows = [(2.0 * ("good" in ws) - 2.0 * ("bad" in ws), [names.index(w) for w in ws if w in names], 1 if good else -1,
             .5 / (n_good if good else len(docs) - n_good), len(ws) / (len(ws) + 3)) for good, ws in docs]
    a, w = 0.0, [0.0] * len(names)
    for _ in range(6000):
        da, dw = 0.0, [l2 * x for x in w]
        for r, terms, sign, cost, share in rows:
            g = -cost * sign / (1 + math.exp(sign * (a * r + share * sum(w[t] for t in terms))))
            da += g * r
            for t in terms:
                dw[t] += g * share
        a -= .4 * da
        w = [x - .4 * d for x, d in zip(w, dw)]
    assert abs(prior - a) < .002, (prior, a)
    for name, x in zip(names, w):
        assert abs(learnt.get(name, 0) - x / a) < (.012 if name in learnt else .031), (name, learnt.get(name), x / a)


def what_is_learnt_is_the_same_every_time_and_is_read_by_the_daemon():
    path = write("again.jsonl.gz", [review(i, 5 if good else 1, " ".join(words)) for i, (good, words) in enumerate(madeup(400, 3))])
    first, second = run("lexicon", "learn", path, "--licence", "CC0", *OWN), run("lexicon", "learn", path, "--licence", "CC0", *OWN)
    assert first[0] == 0 and first == second and "again.jsonl.gz (CC0)" in first[1], first
    weights = write("weights.txt", first[1].splitlines())
    with_weights = ["--set", f"sentiment.lexicon_en={LEXICON}", "--set", f"sentiment.weights_en={weights}"]
    other = write("other.jsonl", [review(i, 5 if good else 1, " ".join(words)) for i, (good, words) in enumerate(madeup(400, 4))])
    rules, learnt = result(other, *OWN)["sentiment"], result(other, *with_weights)["sentiment"]
    assert learnt["auc"] > rules["auc"] + .05, (rules, learnt)
    assert result(other, *with_weights, "--set", "sentiment.rules=vader")["sentiment"] == rules


def folds_never_learn_from_what_they_score():
    # a word per review that says all, were it seen before: it is not, so nothing is gained
    chance = random.Random(5)
    signs = [chance.random() < .5 for _ in range(60)]
    lines = ["%d\tonly%d" % (1 if good else -1, i) for i, good in enumerate(signs)]
    r = result("--labelled", write("own.tsv", lines), "--lang", "en", "--folds", 5, *OWN)
    assert r["auc"] == .5 and r["folds"] == 5, r
    # a word that says all and that the other folds know
    lines = ["%d\t%s" % (1 if good else -1, "lovely" if good else "drab") for good in signs]
    assert result("--labelled", write("known.tsv", lines), "--lang", "en", "--folds", 5, *OWN)["accuracy"] == 1


def chinese_is_learnt_from_characters_and_pairs_of_them():
    lines = ["1\t衣服显瘦", "-1\t衣服显胖"] * 10
    zh = write("zh.txt", ["@language zh", "[words]", "好\t1.5"])
    own = ["--set", f"sentiment.lexicon_zh={zh}"]
    code, out, err = run("lexicon", "learn", write("zh.tsv", lines), "--lang", "zh", *own)
    assert code == 0 and "@language zh" in out, err
    weights = dict(l.split("\t") for l in out.splitlines() if "\t" in l)
    assert float(weights["瘦"]) > 0 > float(weights["胖"]) and float(weights["显 瘦"]) > 0 and "衣" not in weights, weights
    assert result("--labelled", folder / "zh.tsv", "--lang", "zh", "--folds", 5, *own)["balanced_accuracy"] == 1
    assert result("--labelled", folder / "zh.tsv", "--lang", "zh", *own)["balanced_accuracy"] == .5


def a_byte_order_mark_is_passed_over():
    write("marked.tsv", ["\ufeff1\tgood", "-1\tbad"])
    assert result("--labelled", folder / "marked.tsv", "--lang", "en", *OWN)["n"] == 2


def what_is_missing_or_wrong_is_said():
    path = write("ok.tsv", ["1\tgood", "-1\tbad"])
    bad = write("wrong.tsv", ["1\tgood", "good"])
    few = write("few.jsonl", [review(i, 5 - 4 * (i % 2), "good") for i in range(4)])
    cut = folder / "cut.tsv.gz"
    cut.write_bytes(write("whole.tsv.gz", [f"1\tgood {i * i % 9973}" for i in range(3000)]).read_bytes()[:-20])
    for arguments, code, word in ((["evaluate", "--labelled", bad], 64, "wrong.tsv:2: expected"), (["evaluate", "--labelled", path, "--lang", "fr"], 64, "en or zh"),
                                  (["evaluate", "--labelled", path, "--folds", "1"], 64, "folds"), (["evaluate", "--labelled", path, "--folds", "2.5"], 64, "whole number"),
                                  (["evaluate", "--labelled", path, "--folds", "3"], 64, "--folds 3: there are 2 texts"), (["evaluate", few, "--folds", "5"], 64, "--folds 5: there are 4 texts"),
                                  (["evaluate", "--labelled", write("zeros.tsv", ["0\tgood"])], 64, "zeros.tsv: there is no text"), (["evaluate", "--labelled", cut], 69, "evaluate: " + str(cut) + ": unexpected end of file"),
                                  (["evaluate", "--labelled", folder / "absent"], 64, "absent: No such file"),
                                  (["lexicon", "learn", write("one.tsv", ["1\tgood"])], 69, "both good and bad"),
                                  (["lexicon", "learn", path, "--lang", "de"], 64, "en or zh"), (["lexicon", "learn", folder / "absent.jsonl"], 64, "absent.jsonl"),
                                  (["lexicon", "learn", path, "--licence", "a\nb"], 64, "one line")):
        got = run(*arguments)
        assert got[0] == code and word in got[2] and got[1] == "", (arguments, got)


for name, f in list(globals().items()):
    if callable(f) and "_" in name and f.__module__ == "__main__":
        case(f)
for path in folder.iterdir():
    path.unlink()
folder.rmdir()
sys.exit(failed > 0)
