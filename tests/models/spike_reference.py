#!/usr/bin/env python3
"""Spikes, judged the long way: every quarter of an hour of the stream, one after the other, with sums and integrals written out.

Prints the transitions that tests/unit/test_spike.c expects for one scope. processors/spike.h has the rules; this file keeps the
reviews themselves (no panes kept aside), visits panes in which nothing happened, and integrates the beta density by Simpson's rule.
"""
from math import comb, exp, lgamma, log, sqrt

HOUR, A_DAY = 4, 96  # in panes of 15 minutes
PANE_MS = 900_000
WINDOWS = [2 * HOUR, 4 * HOUR, 8 * HOUR, A_DAY, 2 * A_DAY, 4 * A_DAY, 7 * A_DAY, 14 * A_DAY]
LONGEST, COOL = WINDOWS[-1], 7 * A_DAY
START = 472_222 * HOUR  # first pane
G, M0, ALPHA, HALF_LIFE = .1, 20, 2.5e-4, 120 * A_DAY
H, RATIO, STEP = 5, 1.75, .05
ALPHAS = [ALPHA * max(w / LONGEST, 1 / 32) for w in WINDOWS]


def stream():
    """(hour, negative?) of each review: a linear congruential generator; two bad times, the second one worse."""
    x = 12345
    for hour in range(24 * 120):
        for _ in range(2):
            x = (x * 1103515245 + 12345) % 2**31
            if x / 2**31 >= .12:
                continue
            x = (x * 1103515245 + 12345) % 2**31
            day = hour / 24
            p = .3 if 40 <= day < 43 else .95 if 51 <= day < 60 else .3 if 90 <= day < 104 else .05
            yield hour, x / 2**31 < p


def tail(k, n, a, b):
    def log_beta(u, v):
        return lgamma(u) + lgamma(v) - lgamma(u + v)
    return sum(comb(n, i) * exp(log_beta(a + i, b + n - i) - log_beta(a, b)) for i in range(k, n + 1))


def above(x, a, b):
    """P(p > x) of Beta(a, b), a, b > 0; p = sin^2 t takes the poles away."""
    from math import asin, cos, sin, pi
    norm = exp(lgamma(a + b) - lgamma(a) - lgamma(b))

    def f(t):
        s, c = sin(t), cos(t)
        return 2 * norm * exp((2 * a - 1) * log(s) + (2 * b - 1) * log(c)) if s > 1e-300 and c > 1e-300 else 0
    lo, hi, n = asin(sqrt(x)), pi / 2, 2000
    h = (hi - lo) / n
    return h / 3 * sum(f(lo + i * h) * (1 if i in (0, n) else 4 if i % 2 else 2) for i in range(n + 1))


def wilson(k, n):
    if k == 0:
        return 0.
    z, p = 1.959963984540054, k / n
    return (p + z * z / 2 / n - z * sqrt(p * (1 - p) / n + z * z / 4 / n / n)) / (1 + z * z / n)


def level_of(w, s):
    return 2 if (s >= 3 and w >= .25) or (w >= .5 and s >= 1.5) else 1 if s >= 1.75 else 0


def main():
    raised, calm, level, severity = False, 0, 0, 0.
    frozen, cool, raised_span = -1, -1, 0
    drift, run = 0., (0, 0, 0)  # S; pane in which it left 0, reviews since, negative ones
    history = []  # panes that were learned: (pane, n, k)
    by_pane = {}
    for hour, bad in stream():
        n, k = by_pane.get(hour * HOUR, (0, 0))
        by_pane[hour * HOUR] = (n + 1, k + bad)
    for now in range((24 * 120 + 1000) * HOUR):
        gone = now - LONGEST
        if gone in by_pane and not raised and gone >= frozen:
            history.append((gone, *by_pane[gone]))
        if now not in by_pane and now != cool and not raised:
            continue
        counts = []
        for w in WINDOWS:
            inside = [by_pane[p] for p in by_pane if now - w < p <= now and p >= frozen]
            counts.append((sum(n for n, _ in inside), sum(k for _, k in inside)))
        last = history[-1][0] if history else 0
        base_n = sum(m * 2 ** ((h - last) / HALF_LIFE) for h, m, _ in history)
        base_k = sum(m * 2 ** ((h - last) / HALF_LIFE) for h, _, m in history)
        a, b = base_k + M0 * G, base_n - base_k + M0 * (1 - G)
        p0 = a / (a + b)
        if now in by_pane:
            n, k = by_pane[now]
            if drift == 0:
                run, run_a, run_b = (now, 0, 0), a, b
            q0 = run_a / (run_a + run_b)
            q1 = min(max(RATIO * q0, q0 + STEP), (1 + q0) / 2)
            drift = max(0, drift + k * log(q1 / q0) + (n - k) * log((1 - q1) / (1 - q0)))
            run = (run[0], run[1] + n, run[2] + k)

        def worst():
            found = []
            for (n, k), w, alpha in zip(counts, WINDOWS, ALPHAS):
                if k >= 3 and k - n * p0 >= 2:
                    p = tail(k, n, a, b)
                    if p < alpha:
                        found.append((p / alpha, w, n, k))
            if found:
                least = min(f[0] for f in found)
                n = next(f[2] for f in found if f[0] <= least * (1 + 1e-9))
                return next((w, *c) for w, c in zip(WINDOWS, counts) if c[0] == n)
            began, n, k = run
            if drift >= H and now + 1 - began > LONGEST and k >= 3 and k - n * run_a / (run_a + run_b) >= 2 and tail(k, n, run_a, run_b) < ALPHA / 4:
                return now + 1 - began, n, k

        state = None
        if raised:
            span, (n, k) = next(((w, c) for w, c in zip(WINDOWS, counts) if w >= raised_span and w >= A_DAY and c[0] >= 10), (LONGEST, counts[-1]))
            quiet = tail(k, n, a, b) > .1 or above(1.5 * p0, 2 * p0 + k, 2 * (1 - p0) + n - k) < .5
            calm = calm + 1 if quiet else 0
            if calm == 2:
                raised, calm, frozen, cool, drift, state = False, 0, now + 1, now + 1 + COOL, 0., "resolved"
            elif not quiet and worst():
                span, n, k = worst()
                w = wilson(k, n)
                if level_of(w, w / p0) > level or w / p0 >= 2 * severity:
                    level, severity, state = max(level, level_of(w, w / p0)), max(w / p0, severity), "raised"
        elif worst():
            span, n, k = worst()
            w = wilson(k, n)
            if not (now < cool and w / p0 < 2 * severity):
                raised, calm, level, severity, raised_span, state = True, 0, level_of(w, w / p0), w / p0, span, "raised"
        if state:
            print(f'\t{{ "{state}", "{("low", "medium", "high")[level]}", {(START + now + 1) * PANE_MS}, {span * PANE_MS}, {n}, {k}, {tail(k, n, a, b):.6g}, {p0:.6g}, {base_n:.6g} }},')


main()
