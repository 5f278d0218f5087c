#!/usr/bin/env python3
"""Spikes, judged the long way: every hour of the stream, one after the other, with sums and integrals written out.

Prints the transitions that tests/unit/test_spike.c expects for one scope. processors/spike.h has the rules; this file keeps the
reviews themselves (no panes kept aside), visits hours in which nothing happened, and integrates the beta density by Simpson's rule.
"""
from math import comb, exp, lgamma, log, sqrt

HOUR, WINDOW, COOL = 3600_000, 7 * 24, 7 * 24
START = 472_222 * HOUR
G, M0, ALPHA, HALF_LIFE = .1, 20, 1e-3, 30 * 24


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


def main():
    reviews = list(stream())
    raised, calm, level, severity = False, 0, 0, 0.
    frozen, cool = -1, -1
    history = []  # hours that were learned: (hour, n, k)
    by_hour = {}
    for hour, bad in reviews:
        n, k = by_hour.get(hour, (0, 0))
        by_hour[hour] = (n + 1, k + bad)
    for now in range(24 * 120 + 400):
        gone = now - WINDOW
        if gone in by_hour and not raised and gone >= frozen:
            history.append((gone, *by_hour[gone]))
        n = sum(by_hour.get(h, (0, 0))[0] for h in range(now - WINDOW + 1, now + 1))
        k = sum(by_hour.get(h, (0, 0))[1] for h in range(now - WINDOW + 1, now + 1))
        last = history[-1][0] if history else 0
        base_n = sum(m * 2 ** ((h - last) / HALF_LIFE) for h, m, _ in history)
        base_k = sum(m * 2 ** ((h - last) / HALF_LIFE) for h, _, m in history)
        a, b = base_k + M0 * G, base_n - base_k + M0 * (1 - G)
        p0 = a / (a + b)
        interesting = raised or (k >= 3 and k - n * p0 >= 2)
        if not interesting:
            continue
        p_value = tail(k, n, a, b)
        w = wilson(k, n)
        s = w / p0
        found = 2 if (s >= 3 and w >= .25) or (w >= .5 and s >= 1.5) else 1 if s >= 1.75 else 0
        state = None
        if raised:
            quiet = p_value > .1 or above(1.5 * p0, 2 * p0 + k, 2 * (1 - p0) + n - k) < .5
            calm = calm + 1 if quiet else 0
            if calm == 2:
                raised, calm, frozen, cool, state = False, 0, now + 1, now + 1 + COOL, "resolved"
            elif not quiet and (found > level or s >= 2 * severity):
                level, severity, state = max(level, found), max(s, severity), "raised"
        elif p_value < ALPHA and not (now < cool and s < 2 * severity):
            raised, calm, level, severity, state = True, 0, found, s, "raised"
        if state:
            print(f'\t{{ "{state}", "{("low", "medium", "high")[level]}", {(START // HOUR + now + 1) * HOUR}, {n}, {k}, {p_value:.6g}, {p0:.6g}, {base_n:.6g} }},')


main()
