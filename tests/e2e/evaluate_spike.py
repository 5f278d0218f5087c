#!/usr/bin/env python3
"""glintctl evaluate's alerts over reviews made here: what must be raised and resolved, and item-days by hand. Needs no server."""
import json, math, os, pathlib, random, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GLINTCTL = str(ROOT / os.environ.get("GLINT_BUILD", "build") / "glintctl")
folder = pathlib.Path(tempfile.mkdtemp(prefix="glint-evaluate-spike-"))
failed = 0
DAY = 86400000
START = 20000 * DAY


def case(f):
    global failed
    sentence = f.__name__.replace("_", " ")
    try:
        f()
        print("ok - " + sentence, flush=True)
    except AssertionError as e:
        failed += 1
        print(f"not ok - {sentence}\n# {e!r}", flush=True)


def evaluate(path, *arguments):
    run = subprocess.run([GLINTCTL, "evaluate", str(path), *OWN, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=250)
    assert run.returncode == 0, (run.returncode, run.stderr)
    return run.stdout


def spike(path, *arguments):
    return json.loads(evaluate(path, "--json", *arguments)).get("spike")


def write(name, lines):
    path = folder / name
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf-8")
    return path


LEXICON = write("lexicon.txt", ["@language en", "[words]", "good\t2", "bad\t-2"])
OWN = ["--set", f"sentiment.lexicon_en={LEXICON}", "--set", "sentiment.weights_en="]


def review(ts, user, item, text, **more):
    return {"event_id": f"{user}-{item}-{ts}", "ts": ts, "user_id": user, "item_id": item, "text": text, "lang": "en", **more}


def a_spike_is_raised_and_resolved_and_item_days_are_those_by_hand():
    # two good reviews a day for 60 days, 12 bad ones within an hour, and 40 days later four good reviews of another item (time is
    # not moved so far by fewer)
    lines = [review(START + i * DAY // 2, f"u{i}", "x", "good") for i in range(120)]
    lines += [review(START + 60 * DAY + i * 300000, f"v{i}", "x", "bad") for i in range(12)]
    lines += [review(START + 100 * DAY, f"w{i}", "y", "good") for i in range(4)]
    s = spike(write("spike.jsonl", lines))
    item, whole = s["by_scope"]["item"], s["by_scope"]["all"]
    assert (item["scopes"], item["reviews"], item["raised"], item["resolved"], item["standing"]) == (2, 136, 1, 1, 0), s
    assert (whole["scopes"], whole["reviews"], whole["raised"], whole["resolved"]) == (1, 136, 1, 1), s
    assert math.isclose(item["item_days"], 100) and math.isclose(whole["item_days"], 100) and math.isclose(s["item_days"], 200), s
    assert math.isclose(item["per_1000_item_days"], 10) and math.isclose(s["per_1000_item_days"], 10), s
    assert set(s["by_scope"]) == {"item", "all"} and set(s["by_volume"]) == {"1_to_5"}, s  # x and all 1.3 a day, y four within its only day
    # without time to get over it the alerts stand
    s = spike(write("stands.jsonl", lines[:-4]))
    assert (s["raised"], s["resolved"], s["standing"]) == (2, 0, 2), s


def scopes_are_those_that_reviews_and_catalogue_name():
    lines = [{"item_id": "x", "title": "X", "category": "rings", "brand": "acme", "price_minor": 1, "currency": "EUR", "available": True}]
    lines += [review(START + i * DAY, f"u{i}", "x", "good", **({"campaign_id": "c"} if i % 2 else {})) for i in range(4)]
    lines += [{"event_id": "b", "ts": START + 4 * DAY, "user_id": "u", "brand": "other", "text": "good", "lang": "en"}]
    s = spike(write("scopes.jsonl", lines))
    assert {k: (v["scopes"], v["reviews"]) for k, v in s["by_scope"].items()} == {"item": (1, 4), "category": (1, 4), "brand": (2, 5), "campaign": (1, 2), "all": (1, 5)}, s
    assert s["scopes"] == 6 and s["raised"] == 0, s


def the_same_opinion_for_ever_raises_nothing_however_bad():
    # a tenth is bad from the first day to the last; but with all of it bad from the 50th day everything that is watched is up
    chance = random.Random(11)
    def shop(bad_from):
        return [review(START + i * DAY // 20, f"u{i}", f"i{i % 3}", "bad" if chance.random() < (.1 if i < bad_from * 20 else 1) else "good") for i in range(1200)]
    assert spike(write("calm.jsonl", shop(99)))["raised"] == 0
    s = spike(write("loud.jsonl", shop(50)))
    assert s["by_scope"]["item"]["raised"] == 3 and s["by_scope"]["all"]["raised"] == 1 and s["standing"] == 4, s
    assert s["by_volume"]["5_to_100"]["scopes"] == 4, s


def without_texts_there_is_nothing_to_watch_and_options_are_followed():
    stars = [{"event_id": f"r{i}", "ts": START + i, "user_id": f"u{i}", "item_id": "x", "rating": 1} for i in range(50)]
    assert spike(write("stars.jsonl", stars)) is None
    assert spike(folder / "spike.jsonl", "--set", "spike.least_negative=13")["raised"] == 0


def the_table_says_what_the_object_says():
    out = evaluate(folder / "spike.jsonl")
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()}
    assert lines["spike"].startswith("scopes 3 raised 2 resolved 2 standing 0 item_days 200"), out
    assert "raised 1 resolved 1" in lines["spike.by_scope.item"] and "scopes 3 reviews 272" in lines["spike.by_volume.1_to_5"], out


for name, f in list(globals().items()):
    if callable(f) and name.count("_") > 2 and f.__module__ == "__main__":
        case(f)
for path in folder.iterdir():
    path.unlink()
folder.rmdir()
sys.exit(failed > 0)
