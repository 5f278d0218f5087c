#!/usr/bin/env python3
"""glintctl evaluate --baskets, and its section on itemsets, over files made here and over Groceries. Needs no server."""
import gzip, itertools, json, math, os, pathlib, random, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GLINTCTL = str(ROOT / os.environ.get("GLINT_BUILD", "build") / "glintctl")
DATA = pathlib.Path(os.environ.get("GLINT_DATA", ROOT.parent / "shared" / "data"))
folder = pathlib.Path(tempfile.mkdtemp(prefix="glint-evaluate-"))
failed = 0


class Skip(Exception):
    pass


def case(f):
    global failed
    sentence = f.__name__.replace("_", " ")
    try:
        f()
        print("ok - " + sentence, flush=True)
    except Skip as e:
        print(f"ok - {sentence} # SKIP {e}", flush=True)
    except AssertionError as e:
        failed += 1
        print(f"not ok - {sentence}\n# {e!r}", flush=True)


def evaluate(*arguments):
    run = subprocess.run([GLINTCTL, "evaluate", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    return run.returncode, run.stdout, run.stderr


def result(*arguments):
    code, out, err = evaluate("--json", *arguments)
    assert code == 0, (code, err)
    return json.loads(out)


def write(name, lines):
    path = folder / name
    with (gzip.open if name.endswith(".gz") else open)(path, "wt") as f:
        f.writelines(line + "\n" for line in lines)
    return path


def counted(baskets, support, confidence):
    least = math.ceil(round(support * len(baskets), 9))
    counts = {}
    for basket in baskets:
        for k in range(1, len(basket) + 1):
            for s in itertools.combinations(sorted(basket), k):
                counts[s] = counts.get(s, 0) + 1
    counts = {s: n for s, n in counts.items() if n >= least}
    sizes = {}
    for s in counts:
        sizes[str(len(s))] = sizes.get(str(len(s)), 0) + 1
    rules = sum(n >= confidence * counts[tuple(x for x in s if x != y)] for s, n in counts.items() if len(s) > 1 for y in s)
    return sizes, rules


def itemsets_of_a_basket_file_are_those_of_counted():
    chance = random.Random(3)
    for turn in range(4):
        baskets = [{f"item {x}" for x in range(11) if chance.random() < .1 + .04 * x} for _ in range(150)]
        baskets = [b for b in baskets if b]
        lines = [",".join(chance.sample(sorted(b), len(b))) for b in baskets]
        path = write(f"b{turn}.baskets" + (".gz" if turn % 2 else ""), lines)
        support, confidence = [(.02, .5), (.1, .25), (.3, .9), (.05, 0)][turn]
        r = result("--baskets", path, "--min-support", support, "--min-confidence", confidence)
        assert r["baskets"] == len(baskets) and (r["itemsets"], r["rules"]) == counted(baskets, support, confidence), r


def groceries_has_the_published_itemsets_and_rules():
    path = DATA / "groceries.baskets.gz"
    if not path.exists():
        raise Skip(f"{path.name} is neither in GLINT_DATA nor in ../shared/data")
    for support, confidence, sizes, rules in ((.01, .5, [88, 213, 32], 15), (.001, .8, [157, 2981, 6831, 3137, 376, 10], 410),
                                              (.001, .5, [157, 2981, 6831, 3137, 376, 10], 5668), (.006, .25, None, 463)):
        r = result("--baskets", path, "--min-support", support, "--min-confidence", confidence)
        assert r["baskets"] == 9835 and r["rules"] == rules, r
        assert sizes is None or list(r["itemsets"].values()) == sizes and list(r["itemsets"]) == [str(k + 1) for k in range(len(sizes))], r


def the_section_counts_pairs_and_rules_of_orders():
    # 40 orders: cup never without tea, but tea is in most; pot and tea as chance has it
    orders = [["tea", "cup"]] * 10 + [["tea", "pot"]] * 15 + [["tea"]] * 5 + [["pot"]] * 5 + [["egg"]] * 5
    lines = [json.dumps({"event_id": f"e{i}", "ts": 1700000000000 + i, "user_id": f"u{i}", "order_id": f"o{i}", "currency": "EUR",
                         "lines": [{"item_id": x, "quantity": 1, "unit_price_minor": 100} for x in o]}) for i, o in enumerate(orders)]
    r = result(write("orders.jsonl", lines))["itemsets"]
    # tea 30, cup 10, pot 20 of 40; tea-cup 10 of 7.5 expected: p = C(30,10)/C(40,10) = .0354; tea-pot 15 of 15 expected
    assert r["pairs"] == 2 and r["rules"] == 0 and r["seconds"] > 0, r
    lines += [json.dumps({"event_id": f"f{i}", "ts": 1700000001000 + i, "user_id": f"v{i}", "order_id": f"p{i}", "currency": "EUR",
                          "lines": [{"item_id": "egg", "quantity": 1, "unit_price_minor": 100}]}) for i in range(40)]
    # 80 orders: tea-cup 10 of 3.75: p = C(30,10)/C(80,10) = 1.8e-5; tea-pot 15 of 7.5: P(X >= 15) = 1.0e-4. Both ways: 4
    assert result(write("more.jsonl", lines))["itemsets"]["rules"] == 4


def what_is_missing_or_wrong_is_said():
    path = write("one.baskets", ["a,b"])
    for arguments, code, word in (([], 64, "--min-support"), (["--min-support", "0", "--min-confidence", ".5"], 64, "min-support"),
                                  (["--min-support", "2", "--min-confidence", ".5"], 64, "min-support")):
        got = evaluate("--baskets", path, *arguments)
        assert got[0] == code and word in got[2] and got[1] == "", got
    got = evaluate("--baskets", folder / "absent", "--min-support", ".1", "--min-confidence", ".5")
    assert got[0] == 64 and "absent: No such file" in got[2], got
    got = evaluate("--baskets", write("none", []), "--min-support", ".1", "--min-confidence", ".5")
    assert got[0] == 64 and "none: there is no basket in it" in got[2] and got[1] == "", got


for name, f in list(globals().items()):
    if callable(f) and "_" in name and f.__module__ == "__main__":
        case(f)
for path in folder.iterdir():
    path.unlink()
folder.rmdir()
sys.exit(failed > 0)
