#!/usr/bin/env python3
"""How many events of a file `glintctl evaluate` takes a second, in ratings that River's `reco.Baseline` learns meanwhile: by turns in one run, so that what
the machine's hour does to one it does to the other.

  bench/river.py [FILE...]     files of GLINT_DATA; default: the clicks and the ratings

glint: decoding and all processors. River (https://riverml.xyz): predicts and learns movie-ratings, held in memory. Both by CPU time of one core, five
turns, the medians and the ratio of these. River is no dependency: without it (`pip install river`, or GLINT_BENCH_RIVER=python of an environment that has it) only
glint's figures are printed.
"""
import json, os, pathlib, statistics, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("GLINT_DATA", ROOT.parent / "shared" / "data"))
GLINTCTL = str(ROOT / os.environ.get("GLINT_BUILD", "build") / "glintctl")
PYTHON = os.environ.get("GLINT_BENCH_RIVER", sys.executable)
RATINGS = DATA / "movie-ratings.jsonl.gz"
TURNS = 5
PEER = """
import gzip, json, sys, time
from river import reco
ratings = [(e["user_id"], e["item_id"], e["rating"]) for e in map(json.loads, gzip.open(sys.argv[1]))]
model = reco.Baseline()
start = time.process_time()
for user, item, stars in ratings:
    model.predict_one(user, item)
    model.learn_one(user, item, stars)
print(len(ratings) / (time.process_time() - start))
"""


def glint(path):
    return json.loads(subprocess.run([GLINTCTL, "evaluate", "--json", path], stdout=subprocess.PIPE, check=True).stdout)["events_per_second"]


def river():
    run = subprocess.run([PYTHON, "-c", PEER, RATINGS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return None if run.returncode else float(run.stdout)


paths = [DATA / name for name in sys.argv[1:] or ("eshop-clicks.jsonl.gz", "movie-ratings.jsonl.gz")]
lacking = [p for p in [*paths, RATINGS] if not p.exists()]
if lacking:
    print(f"river: SKIP: there is no {lacking[0]}")
    sys.exit()
turns = [(river(), *map(glint, paths)) for _ in range(TURNS)]
peer, *ours = [None if None in figures else statistics.median(figures) for figures in zip(*turns)]
print("; ".join(f"{p.name.split('.')[0]} {x:.0f}/s" + (f", {x / peer:.2f} of River's Baseline ({peer:.0f} ratings/s)" if peer else "") for p, x in zip(paths, ours)) + ("" if peer else "; River is not there"))
