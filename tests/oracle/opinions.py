#!/usr/bin/env python3
"""An independent count of what reviews say, and of the alerts that this must raise and resolve.

  opinions.py [options] --watermark MS --out FILE EVENTS.jsonl[.gz]...

Written from the documents (CONTRACTS "What is counted", schemas/alert.schema.json, the mathematics at the head of processors/spike.h), without
code of glintd's. It writes JSON lines: {"kind":"sentiment","scope":...} with counts for ever and over 1 h, 1 d and 7 d, and
{"kind":"alert","id":...,"state":...,"severity":...,"ts":...} of every transition, by ts.

The class of a text is taken as given: only texts of the table below are accepted, one word each of which nobody doubts what it says,
with stars that say the same; any other text ends the program. Which records count is counts.py's to judge. Scopes: item, brand, campaign, all;
what needs the catalogue (category, an item's brand) and aspects are left out. Alerts are counted for one window, without the shorter ones
and the drift ([spike] windows empty, drift_threshold = 0).
"""
import collections
import json
import math
import sys

import counts

SURE = {'great': 'positive', 'love it': 'positive', 'perfect': 'positive', 'terrible': 'negative', 'awful': 'negative', 'bad': 'negative'}
SENTIMENT_PANE_MS = 5 * 60000
WINDOWS = {'1h': 12, '1d': 288, '7d': 2016}


def log_beta(a, b):
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def beta_binomial_tail(k, n, a, b):
    """P(X >= k): each term from its definition, no recurrence"""
    base = log_beta(a, b)
    return min(1.0, math.fsum(math.exp(math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1) + log_beta(j + a, n - j + b) - base)
                              for j in range(k, n + 1)))


def beta_above(x, a, b):
    """P(p > x) of Beta(a, b): by substitution of u = p^a below, v = (1 - p)^b above the middle, so that no end is infinite; Simpson's rule"""
    if x <= 0 or x >= 1:
        return 1.0 if x <= 0 else 0.0

    def simpson(f, lo, hi, n=2000):
        h = (hi - lo) / n
        return h / 3 * math.fsum((1 if i in (0, n) else 4 if i % 2 else 2) * f(lo + i * h) for i in range(n + 1))

    def lower(t):  # integral of p^(a-1) (1-p)^(b-1) from 0 to t <= 1/2
        return simpson(lambda u: (1 - u ** (1 / a)) ** (b - 1), 0, t ** a) / a

    def upper(t):  # from t >= 1/2 to 1
        return simpson(lambda v: (1 - v ** (1 / b)) ** (a - 1), 0, (1 - t) ** b) / b
    total = lower(0.5) + upper(0.5)
    return upper(x) / total if x >= 0.5 else 1 - lower(x) / total


def wilson_low(k, n, z=1.959963984540054):
    if not n:
        return 0.0
    p = k / n
    return max(0.0, (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n))


class Scope:
    """counted and negative reviews of a scope by pane of the alerts, judged pane by pane"""

    def __init__(self):
        self.n, self.k = collections.Counter(), collections.Counter()

    def alerts(self, name, o, over):
        """(id, state, severity, ts) of every transition in panes below `over`"""
        width, cool_width = o.spike_window // o.spike_pane, o.spike_cool_down // o.spike_pane
        a_sum = b_sum = 0.0
        learned, frozen, cool, raised, calm, level, sent = 0, 0, 0, None, 0, 0, 0.0
        learn_from = min(self.n, default=over)
        for pane in range(min(self.n, default=over), over):
            while learn_from <= pane - width:  # panes that the window has left
                if self.n[learn_from] and raised is None and learn_from >= frozen:
                    decay = 2 ** (-(learn_from - learned) * o.spike_pane / o.spike_half_life)
                    a_sum, b_sum, learned = a_sum * decay + self.k[learn_from], b_sum * decay + self.n[learn_from], learn_from
                learn_from += 1
            window = range(max(frozen, pane - width + 1), pane + 1)  # what an alert has seen is not judged again
            n, k = sum(self.n[p] for p in window), sum(self.k[p] for p in window)
            a = a_sum + o.prior_reviews * o.negative_rate
            b = b_sum - a_sum + o.prior_reviews * (1 - o.negative_rate)
            p0 = a / (a + b)
            tail, w = beta_binomial_tail(k, n, a, b), wilson_low(k, n)
            s = w / p0
            now = 2 if (w >= .25 and s >= 3) or (w >= .5 and s >= 1.5) else 1 if s >= 1.75 else 0
            if raised is None:
                if not self.n[pane] and pane != cool:  # what only leaves a window raises nothing, unless a cool-down held it back
                    continue
                if tail < o.alpha and k >= o.least_negative and k - n * p0 >= o.least_excess and (pane >= cool or s >= 2 * sent):
                    raised, calm, level, sent = pane, 0, now, s
                    yield self.line(name, o, pane, raised, 'raised', level)
                continue
            if tail > .1 or beta_above(1.5 * p0, 2 * p0 + k, 2 * (1 - p0) + n - k) < .5:
                calm += 1
                if calm == 2:
                    yield self.line(name, o, pane, raised, 'resolved', level)
                    raised, frozen, cool = None, pane + 1, pane + 1 + cool_width
                continue
            calm = 0
            if now > level or s >= 2 * sent:  # graver: told again
                level, sent = max(level, now), max(sent, s)
                yield self.line(name, o, pane, raised, 'raised', level)

    @staticmethod
    def line(name, o, pane, raised, state, level):
        return {'id': 'negative_spike:%s:%d' % (name, raised), 'state': state, 'severity': ('low', 'medium', 'high')[level],
                'ts': (pane + 1) * o.spike_pane}


def scopes_of(e):
    named = (('item', e.get('item_id')), ('brand', e.get('brand')), ('campaign', e.get('campaign_id')))
    return ['%s:%s' % (kind, i) for kind, i in named if i] + ['all']


def read(options):
    """({scope: {class: Counter of panes}}, {scope: Scope})"""
    judge = counts.Judge(options)
    said = collections.defaultdict(lambda: {'positive': collections.Counter(), 'negative': collections.Counter()})
    judged, seen = collections.defaultdict(Scope), collections.defaultdict(list)
    for e in counts.events_of(options.files, options.in_order).get('reviews', ()):
        if not judge.judge(e, 'reviews', counts.partition_of(str(e.get('user_id') or ''), options.partitions)) or not e.get('text'):
            continue
        if e['text'] not in SURE or (e.get('rating') or 3) == 3 or (SURE[e['text']] == 'positive') != (e['rating'] > 3):
            raise SystemExit('what does this say? %r with %s stars' % (e['text'], e.get('rating')))
        for scope in scopes_of(e):
            said[scope][SURE[e['text']]][e['ts'] // SENTIMENT_PANE_MS] += 1
            before = seen[e['user_id'], scope]
            if all(abs(ts - e['ts']) >= options.spike_window for ts in before):  # a shopper counts once in a window
                before.append(e['ts'])
                judged[scope].n[e['ts'] // options.spike_pane] += 1
                judged[scope].k[e['ts'] // options.spike_pane] += SURE[e['text']] == 'negative'
    return said, judged


def main():
    p = counts.parser()
    for name, default in (('spike-window', '14d'), ('spike-pane', '15min'), ('spike-half-life', '120d'), ('spike-cool-down', '7d')):
        p.add_argument('--' + name, type=counts.duration_ms, default=default)
    for name, default in (('alpha', .00025), ('least-negative', 3), ('least-excess', 2), ('negative-rate', .1), ('prior-reviews', 20)):
        p.add_argument('--' + name, type=float, default=default)
    options = p.parse_args()
    said, judged = read(options)
    with open(options.out, 'w', encoding='utf-8') as out:
        for scope, by in sorted(said.items()):
            line = {'kind': 'sentiment', 'scope': scope}
            last = options.watermark // SENTIMENT_PANE_MS
            for name, panes in by.items():
                line[name] = sum(panes.values())
                for window, width in WINDOWS.items():
                    line['%s_%s' % (name, window)] = sum(n for pane, n in panes.items() if last - width < pane <= last)
            out.write(json.dumps(line) + '\n')
        alerts = [a for scope, x in judged.items() for a in x.alerts(scope, options, options.watermark // options.spike_pane)]
        for a in sorted(alerts, key=lambda a: (a['ts'], a['id'])):
            out.write(json.dumps(dict({'kind': 'alert'}, **a)) + '\n')
    print('%d scopes, %d transitions' % (len(said), len(alerts)))


if __name__ == '__main__':
    sys.exit(main())
