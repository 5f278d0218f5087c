#!/usr/bin/env python3
"""glintctl evaluate over files made here: what is printed, what it equals by hand, and how wrong input is refused. Needs no server."""
import gzip, json, math, os, pathlib, random, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GLINTCTL = str(ROOT / os.environ.get("GLINT_BUILD", "build") / "glintctl")
folder = pathlib.Path(tempfile.mkdtemp(prefix="glint-evaluate-"))
failed = 0


def case(f):
    global failed
    sentence = f.__name__.replace("_", " ")
    try:
        skipped = f()
        if skipped:
            print("SKIP: " + skipped)
        print("ok - " + sentence + (" # SKIP " + skipped if skipped else ""), flush=True)
    except AssertionError as e:
        failed += 1
        print(f"not ok - {sentence}\n# {e!r}", flush=True)


def evaluate(*arguments):
    run = subprocess.run([GLINTCTL, "evaluate", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=250)
    return run.returncode, run.stdout, run.stderr


def result(*arguments):
    code, out, err = evaluate("--json", *arguments)
    assert code == 0, (code, err)
    return json.loads(out)


def write(name, events):
    path = folder / name
    opener = gzip.open if name.endswith(".gz") else open
    with opener(path, "wt") as f:
        for e in events:
            f.write((e if isinstance(e, str) else json.dumps(e)) + "\n")
    return path


def rating(ts, user, item, stars, **more):
    return {"event_id": f"{user}-{item}-{ts}", "ts": ts, "user_id": user, "item_id": item, "rating": stars, **more}


def the_first_ratings_are_predicted_as_worked_by_hand():
    # nothing known: the middle of the scale, 2.75, twice off: 5 -> 2.25. Then the mean is 5 and both biases are 0: 5 against 4 -> 1.
    r = result(write("hand.jsonl", [rating(1000, "a", "x", 5.0), rating(2000, "a", "y", 4.0)]))
    assert r["bias"]["n"] == 2, r
    assert math.isclose(r["bias"]["rmse"], math.sqrt((2.25 ** 2 + 1) / 2), rel_tol=1e-6), r
    assert math.isclose(r["bias"]["mae"], 3.25 / 2, rel_tol=1e-6), r


def neighbours_are_compared_as_worked_by_hand():
    # b's y alone is predicted: shoppers by a's 3 (right), Pearson knows no neighbour with one common item: b's mean, 4; items by b's x, 4
    path = write("knn.jsonl", [rating(1000, "a", "x", 5.0), rating(2000, "a", "y", 3.0), rating(3000, "b", "x", 4.0), rating(4000, "b", "y", 3.0)])
    k = result("--knn", path)["knn"]
    assert k.pop("n") == 1 and k == {"user_cosine": {"rmse": 0, "covered": 1}, "user_cosine_full": {"rmse": 0, "covered": 1},
                                     "user_pearson": {"rmse": 1, "covered": 0}, "item_cosine": {"rmse": 1, "covered": 1}}, k
    assert "knn" not in result(path)


def intent_is_told_of_orders_or_else_of_clicks():
    # two sessions of three clicks, an order at the end of the first: of its three moments all were followed; after the order, and in the second, none
    clicks = [{"ts": ts, "user_id": u, "action": "VIEW", "item_id": f"i{n}"} for n, (u, ts) in enumerate([("a", 1000), ("a", 2000), ("a", 3000), ("b", 9000), ("b", 10000), ("b", 11000)])]
    order = {"ts": 4000, "user_id": "a", "order_id": "o", "currency": "EUR", "lines": [{"item_id": "i1", "quantity": 1, "unit_price_minor": 100}]}
    r = result(write("intent.jsonl", sorted(clicks + [order], key=lambda e: e["ts"])))["intent"]
    assert r["target"] == "order" and r["n"] == 7 and math.isclose(r["base"], 3 / 7, rel_tol=1e-6) and 0 <= r["auc"] <= 1, r
    r = result(write("stay.jsonl", clicks))["intent"]
    assert r["target"] == "click" and r["n"] == 6 and math.isclose(r["base"], 4 / 6, rel_tol=1e-6), r


def files_are_merged_by_ts_gzipped_or_not():
    chance = random.Random(7)
    events = [rating(1000 * i + 1, f"u{chance.randrange(20)}", f"i{chance.randrange(30)}", chance.randrange(1, 11) / 2) for i in range(500)]
    whole = result(write("whole.jsonl", events))
    parts = result(write("odd.jsonl.gz", events[1::2]), write("even.jsonl", events[0::2]))
    assert whole["bias"] == parts["bias"], (whole, parts)


def figures(r):
    return {name: value for name, value in r.items() if name != "events_per_second"}


def what_is_left_out_is_in_no_figure_and_the_order_of_lines_is_none():
    chance = random.Random(11)
    events = [rating(1000 * i * i, f"u{chance.randrange(20)}", f"i{chance.randrange(30)}", chance.randrange(1, 11) / 2, text="good") for i in range(1, 600)]
    events += [click(1000 * i * i + 1, f"u{chance.randrange(20)}", f"i{chance.randrange(30)}", session_id=f"s{i // 9}") for i in range(1, 600)]
    path = write("ordered.jsonl", sorted(events, key=lambda e: e["ts"]))
    once = figures(result(path))
    assert {"bias", "unseen_item", "next_item", "intent", "sentiment"} <= once.keys(), once
    del once["itemsets"]  # has a time in it
    for again in ([path, path], [write("shuffled.jsonl", chance.sample(events, len(events)))]):
        code, out, err = evaluate("--json", *again)
        r = figures(json.loads(out))
        del r["itemsets"]
        assert code == 0 and r == once, (again, r, once)
        assert ("1198 events were left out: repeats" in err) == (len(again) == 2) and "late" not in err, err


def only_sections_that_could_be_computed_are_printed():
    r = result(write("clicks.jsonl", [{"event_id": "c1", "ts": 1000, "user_id": "a", "action": "VIEW", "item_id": "x"}]))
    assert "bias" not in r and r["events_per_second"] > 0, r


def files_without_an_event_are_refused():
    for name, events in (("none.jsonl", []), ("items.jsonl", [{"item_id": "x", "title": "X", "category": "c", "price_minor": 100, "currency": "EUR", "available": True}])):
        code, out, err = evaluate("--json", write(name, events))
        assert code == 64 and out == "" and f"there is no click, purchase or review in {folder / name}" in err, (code, out, err)


def a_byte_order_mark_is_passed_over():
    plain = write("plain.jsonl", [rating(1000, "a", "x", 5.0), rating(2000, "a", "y", 4.0)])
    (folder / "marked.jsonl").write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())
    assert figures(result(folder / "marked.jsonl")) == figures(result(plain))


def the_table_says_what_the_object_says():
    path = write("table.jsonl", [rating(1000, "a", "x", 5.0), rating(2000, "a", "y", 4.0)])
    code, out, err = evaluate(path)
    assert code == 0 and out.startswith("bias ") and "n 2" in out, (out, err)


def a_bad_line_is_refused_with_its_place():
    for line, word in (("{", "not JSON"), ('{"ts":1}', "no event"), ('{"ts":5,"user_id":"a","action":"JUMP"}', "action"),
                       ('{"ts":5,"user_id":"a","item_id":"x","rating":9}', "rating"), ('{"ts":5,"item_id":"x","rating":4}', "user_id")):
        code, out, err = evaluate(write("bad.jsonl", [rating(1, "a", "x", 4.0), line]))
        assert code == 64 and "bad.jsonl:2: " in err and word in err and out == "", (line, code, out, err)


def one_scale_of_ratings_counts_for_reading_and_for_predicting():
    path = write("ten.jsonl", [rating(1000, "a", "x", 10.0), rating(2000, "a", "y", 8.0)])
    code, out, err = evaluate(path)
    assert code == 64 and "ten.jsonl:1: rating: 10 is not within 0.5 to 5; glint.rating_min and glint.rating_max are the shop's scale" in err, (code, err)
    r = result("--set", "glint.rating_min=1", "--set", "glint.rating_max=10", path)  # the middle, 5.5, then the mean, 10
    assert math.isclose(r["bias"]["mae"], (4.5 + 2) / 2, rel_tol=1e-6), r
    code, out, err = evaluate("--set", "bias.rating_max=10", path)
    assert code == 78 and "bias.rating_max: unknown option; it is one of [glint]" in err, (code, err)


def what_cannot_be_read_is_said():
    code, out, err = evaluate(folder / "absent.jsonl")
    assert code == 64 and "absent.jsonl: No such file" in err, (code, err)
    (folder / "cut.jsonl.gz").write_bytes(write("x.jsonl.gz", [rating(i + 1, f"u{hash(i) % 997}", f"x{i * i % 9973}", 4.0) for i in range(60000)]).read_bytes()[:-20])
    code, out, err = evaluate(folder / "cut.jsonl.gz")
    assert code == 69 and "cut.jsonl.gz" in err, (code, err)
    assert evaluate()[0] == 64
    code, out, err = evaluate("--set", "bias.item_prior=-1", folder / "x.jsonl.gz")
    assert code == 78 and "item_prior" in err, (code, err)


def click(ts, user, item, **more):
    return {"event_id": f"c{user}{ts}", "ts": ts, "user_id": user, "action": "VIEW", "item_id": item, **more}


def clicks_and_orders_never_enter_the_rating_mean():
    chance = random.Random(3)
    ratings = [rating(1000 * i + 1, f"u{chance.randrange(9)}", f"i{chance.randrange(9)}", chance.randrange(1, 11) / 2) for i in range(200)]
    implicit = [click(1000 * i + 2, f"u{i % 9}", f"i{i % 7}") for i in range(200)]
    implicit += [{"event_id": f"o{i}", "ts": 200000 + i, "user_id": f"u{i % 9}", "order_id": f"o{i}", "currency": "EUR",
                  "lines": [{"item_id": f"i{i % 7}", "quantity": 1, "unit_price_minor": 100}]} for i in range(50)]
    alone, mixed = result(write("ratings.jsonl", ratings)), result(folder / "ratings.jsonl", write("implicit.jsonl", implicit))
    assert alone["bias"] == mixed["bias"], (alone, mixed)
    assert mixed["next_item"]["n"] > 0


def the_next_item_is_foreseen_as_counted_by_hand():
    # of the targets b (unheard of), a b (each seen to follow once): found are the second and third. A new session begins after 31 minutes.
    t = 90000000  # 1 h into a day: the watermark, 10 s behind, is in the same pane
    r = result(write("sessions.jsonl", [click(t, "u", "a"), click(t + 1000, "u", "b"), click(t + 2000, "v", "a"), click(t + 3000, "v", "b"),
                                        click(t + 4000, "w", "a"), click(t + 5000, "w", "a"), click(t + 6000, "w", "b"),
                                        click(t + 6000 + 31 * 60000, "w", "c")]))
    assert r["next_item"]["n"] == 3, r
    assert math.isclose(r["next_item"]["hr20"], 2 / 3, rel_tol=1e-6) and math.isclose(r["next_item"]["mrr20"], 2 / 3, rel_tol=1e-6), r


def the_unseen_item_is_foreseen_as_counted_by_hand():
    # tests: v's y (rated by u after x) alone; v's x is v's first rating, u's y was never rated before, v's second x is not new to v
    r = result(write("unseen.jsonl", [rating(1000, "u", "x", 4.0), rating(2000, "u", "y", 4.0), rating(3000, "v", "x", 5.0),
                                      rating(4000, "v", "y", 2.0), rating(5000, "v", "x", 1.0)]))
    assert r["unseen_item"] == {"hr10": 1.0, "n": 1}, r


def an_item_of_which_nothing_else_is_known_stands_behind_more_popular_ones():
    # a, b, c rate the same k items: b's and c's are k - 1 tests each, found among k items; then v, of whose q nobody knows anything, turns to y, which d
    # alone has rated: behind k items that three have rated. 9 leave it the tenth place, 10 do not.
    for k, hits in ((9, 17), (10, 18)):
        events = [(u, f"p{i}") for u in "abc" for i in range(k)] + [("d", "y"), ("v", "q"), ("v", "y")]
        r = result(write("popular.jsonl", [rating(1000 * t + 1000, u, i, 4.0) for t, (u, i) in enumerate(events)]))["unseen_item"]
        assert r["n"] == 2 * k - 1 and math.isclose(r["hr10"], hits / (2 * k - 1), rel_tol=1e-6), (k, r)


def shared(*names):
    data = pathlib.Path(os.environ.get("GLINT_DATA", ROOT.parent / "shared" / "data"))
    paths = [data / n for n in names]
    return paths if all(p.exists() for p in paths) else None


def on_shared_ratings_and_clicks_the_references_are_beaten():
    # references: bench/quality
    paths = shared("movie-ratings.jsonl.gz", "eshop-clicks.jsonl.gz")
    if not paths:
        return "the shared data (../shared/data or GLINT_DATA) is not there"
    r = result(paths[0])
    assert r["bias"]["n"] == 100004 and r["bias"]["rmse"] <= .880 and r["unseen_item"]["hr10"] > .106, r
    r = result(*paths[1:])
    assert r["next_item"]["n"] == 93364 and r["next_item"]["hr20"] > .652 and r["next_item"]["mrr20"] > .233, r


for name, f in list(globals().items()):
    if callable(f) and name.count("_") > 2 and f.__module__ == "__main__":
        case(f)
for path in folder.iterdir():
    path.unlink()
folder.rmdir()
sys.exit(failed > 0)
