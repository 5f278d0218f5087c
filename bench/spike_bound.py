#!/usr/bin/env python3
"""How soon a spike of bench_spike.c could be told at all, with so many false alarms: by a detector that is told each item's true share of negative reviews
p before and after (p1 = min(.8, 3 p + .1)). Among all detectors with its rate of false alarms the cumulative sum of ln(likelihood ratio) has
the least delay (Moustakides 1986), so this is a bound for those that have to learn p.

  bench/spike_bound.py [FALSE_PER_1000_ITEM_DAYS [LEAST_REVIEWS_A_DAY [SEED]]]

By chance, per p: runs to h = 4 without and with the spike. Beyond: run lengths grow by e^h and by h / KL (Siegmund, "Sequential Analysis", II.6; the
error is a fraction of a review). Volumes are lognormal as in the simulation. Two ways of spending the false alarms: the same for every
item a day, and the best for the mean delay (in proportion to 1 / reviews a day)."""
import math, random, sys

FALSE, LEAST, SEED = (float(x) for x in (sys.argv[1:] + [".28", "5", "1"][len(sys.argv) - 1:])[:3])
H = 4.0
chance = random.Random(SEED)


def run(p, up, down):
    """reviews until the sum is H"""
    s = n = 0
    while s < H:
        n += 1
        s = max(0.0, s + (up if chance.random() < p else down))
    return n


def item_class(p):
    """(mean run to H without the spike, with it, KL per review of the spike)"""
    p1 = min(.8, 3 * p + .1)
    up, down = math.log(p1 / p), math.log((1 - p1) / (1 - p))
    quiet = sum(run(p, up, down) for _ in range(150)) / 150
    spike = sum(run(p1, up, down) for _ in range(1500)) / 1500
    return quiet, spike, p1 * up + (1 - p1) * down


shares = [sorted(chance.random() for _ in range(19))[1] for _ in range(60)]  # Beta(2, 18)
classes = [item_class(p) for p in shares]
volumes = []
while len(volumes) < 4000:
    v = 1.35 * math.exp(1.5 * chance.gauss(0, 1))
    if v >= LEAST:
        volumes.append(v)


def mean_delay(rates):
    """days, of false alarms a day by item"""
    total = 0
    for v, f in zip(volumes, rates):
        for quiet, spike, kl in classes:
            h = max(H, H + math.log(v / f / quiet))
            total += (spike + (h - H) / kl) / v
    return total / len(volumes) / len(classes)


f = FALSE / 1000
inverse = sum(1 / v for v in volumes) / len(volumes)
print("%g reviews a day and more, %g false alarms per 1,000 item-days: no detector is sooner than %.2f d (same for all items), %.2f d (best spent)" % (
    LEAST, FALSE, mean_delay([f] * len(volumes)), mean_delay([f / v / inverse for v in volumes])))
