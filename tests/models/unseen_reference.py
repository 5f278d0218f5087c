#!/usr/bin/env python3
"""The reference for `unseen_item`: cosine of all co-ratings, the last 10 ratings of a shopper as seeds, weight .8^age (ALGORITHMS B3).

  unseen_reference.py RATINGS.jsonl[.gz] [EVERY]

For every EVERY-th rating (default 20) by a shopper who has rated before, of an item that was rated before and not by this shopper: are there
fewer than 10 items before it that the shopper has not rated? Ties go to the lesser number of the item. Everything is learnt. Shares no code with glint.
"""
import gzip
import json
import math
import sys

DECAY, SEEDS = .8, 10


def main(path, every):
    together, count, history, number = [], [], {}, {}
    tests = hits = 0
    with (gzip.open if path.endswith('.gz') else open)(path, 'rt', encoding='utf-8') as lines:
        for at, line in enumerate(lines):
            e = json.loads(line)
            if e.get('rating') is None or not e.get('item_id'):
                continue
            item = number.setdefault(e['item_id'], len(number))
            if item == len(count):
                count.append(0)
                together.append({})
            seen = history.setdefault(e['user_id'], {})
            if seen and count[item] and item not in seen and at % every == 0:
                scores = {}
                for age, seed in enumerate(list(reversed(seen))[:SEEDS]):
                    weight = DECAY ** age / math.sqrt(count[seed])
                    for other, c in together[seed].items():
                        if other not in seen:
                            scores[other] = scores.get(other, 0) + weight * c / math.sqrt(count[other])
                mine = scores.get(item, 0)
                before = sum(s > mine or (s == mine and j < item) for j, s in scores.items())
                tests += 1
                hits += mine > 0 and before < 10
            if item in seen:
                continue
            for other in seen:
                together[item][other] = together[item].get(other, 0) + 1
                together[other][item] = together[other].get(item, 0) + 1
            seen[item] = True
            count[item] += 1
    print('HR@10 %.4f over %d' % (hits / tests, tests))


if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 20)
