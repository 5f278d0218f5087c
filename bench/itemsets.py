#!/usr/bin/env python3
"""All frequent itemsets of a file, glint beside PyFIM (C. Borgelt's FP-growth and Eclat in C), on Groceries and on generated baskets.

Counts of every size must be equal; times are seconds of the mining alone, the best of three, the file already read. PyFIM is no
dependency: without it (`pip install pyfim`, or GLINT_BENCH_PYFIM=python of an environment that has it) glint's own figures are printed.
"""
import json, math, os, pathlib, random, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("GLINT_DATA", ROOT.parent / "shared" / "data"))
GLINTCTL = str(ROOT / os.environ.get("GLINT_BUILD", "build") / "glintctl")
PYTHON = os.environ.get("GLINT_BENCH_PYFIM", sys.executable)
PEER = """
import collections, fim, gzip, json, sys, time
path, count = sys.argv[1], int(sys.argv[2])
baskets = [line.rstrip("\\r\\n").split(",") for line in (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf8")]
out = {}
for name in "fpgrowth", "eclat":
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        found = getattr(fim, name)(baskets, target="s", supp=-count, zmin=1, report="a")
        seconds.append(time.perf_counter() - start)
    out[name] = min(seconds)
sizes = collections.Counter(len(s[0]) for s in found)
print(json.dumps([{str(k): sizes[k] for k in sorted(sizes)}, out]))
"""


def generate(path, n, items, patterns, size, seed):
    """Baskets made of overlapping patterns that are rarely complete, after R. Agrawal & R. Srikant, VLDB 1994, section 2.4.3."""
    chance = random.Random(seed)
    popularity = [chance.expovariate(1) for _ in range(items)]
    pool = [set(chance.choices(range(items), popularity, k=max(2, round(chance.gauss(4, 1.5))))) for _ in range(patterns)]
    kept = [min(.95, max(.2, chance.gauss(.6, .2))) for _ in range(patterns)]
    with open(path, "w") as f:
        for _ in range(n):
            basket, want = set(), max(1, round(chance.gauss(size, math.sqrt(size))))
            while len(basket) < want:
                i = int(patterns * chance.random() ** 2)
                basket |= {x for x in pool[i] if chance.random() < kept[i]}
                if chance.random() < .02:
                    break
            if basket:
                f.write(",".join(map(str, sorted(basket))) + "\n")


def run(name, path, support):
    best, r = math.inf, None
    for _ in range(3):
        out = subprocess.run([GLINTCTL, "evaluate", "--json", "--baskets", path, "--min-support", str(support), "--min-confidence", "1"],
                             stdout=subprocess.PIPE, check=True, text=True).stdout
        r = json.loads(out)
        best = min(best, r["seconds"])
    line = f"{name}: {r['baskets']} baskets, count >= {r['min_count']}, {sum(r['itemsets'].values())} sets, glint {best:.4f} s (rules counted too)"
    peer = subprocess.run([PYTHON, "-c", PEER, path, str(r["min_count"])], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if peer.returncode:
        print(line + "; PyFIM is not there", flush=True)
        return None
    sizes, seconds = json.loads(peer.stdout)
    same = sizes == r["itemsets"]
    print(f"{line}; PyFIM {', '.join(f'{k} {v:.4f} s' for k, v in seconds.items())}; counts {'equal' if same else 'DIFFER: ' + str(sizes)}", flush=True)
    if not same:
        sys.exit(1)
    return best / min(seconds.values())


ratios = []
groceries = DATA / "groceries.baskets.gz"
if groceries.exists():
    for support in (.01, .001):
        ratios.append(run("Groceries", str(groceries), support))
else:
    print("SKIP: groceries.baskets.gz is not in", DATA)
with tempfile.TemporaryDirectory(prefix="glint-bench-") as folder:
    for name, shape, supports in (("sparse", (100000, 1000, 2000, 10, 1), (.001, .0004)), ("dense", (50000, 200, 300, 20, 2), (.01, .004))):
        path = os.path.join(folder, name + ".baskets")
        generate(path, *shape)
        for support in supports:
            ratios.append(run(name, path, support))
ratios = [r for r in ratios if r]
print(f"itemsets: at most {max(ratios):.2f} of the time of the faster of PyFIM's FP-growth and Eclat" if ratios else "itemsets: measured alone, without PyFIM")
