#!/usr/bin/env python3
"""An independent run of the bias recursion that processors/bias.h splits over two stages: one loop, running mean, no sums.

  bias_reference.py RATINGS.jsonl[.gz] [MIN MAX]   prequential RMSE (predict, clip to the scale, 0.5..5, then learn), N, and the mean
  bias_reference.py --series                 the small series of tests/unit/test_bias.c, learnt with a constant mean

It prints the numbers that test_bias.c holds; it is run by hand when they are to be made again.
"""
import gzip
import json
import math
import sys

ITEM, USER, SITTING, SLOPE, DRIFT, KEEP, TIME = .25, .15, .1, .05, .0005, .95, 30 * 60e3


class Biases:
    """The Kalman filter of bias.h in its textbook form: gains and variances, items too; the running mean at each step."""

    def __init__(self, mu=None, unit=1.):
        self.unit = unit  # stars in one unit of the filter
        self.mu, self.n, self.constant = mu or 0., 0, mu is not None
        self.users, self.items = {}, {}  # id -> {..}

    def at(self, user, ts):
        x = dict(self.users.get(user) or {'l': 0., 's': 0., 'a': 1., 'pl': USER - DRIFT, 'ps': SITTING, 'pa': SLOPE, 'ts': ts, 'n': 0})
        q = KEEP * math.exp(-max(0, ts - x['ts']) / TIME)
        x.update(s=q * x['s'], ps=q * q * x['ps'] + (1 - q * q) * SITTING, pl=x['pl'] + DRIFT, ts=max(ts, x['ts']))
        return x

    def predict(self, user, item, ts):
        x = self.at(user, ts)
        return (self.mu + x['l'] + x['s'] + x['a'] * self.items.get(item, {'b': 0.})['b']) * self.unit

    def learn(self, user, item, stars, ts):
        rating = stars / self.unit
        x, i = self.at(user, ts), self.items.setdefault(item, {'b': 0., 'p': ITEM, 'n': 0})
        b, p, a = i['b'], i['p'], x['a']
        if self.constant or self.n:
            error = rating - (self.mu + x['l'] + x['s'] + a * b)
        else:
            error = 0.  # the first rating is the mean
        total = x['pl'] + x['ps'] + a * a * p + b * b * x['pa'] + 1
        i.update(b=b + a * p * error / total, p=p - (a * p) ** 2 / total, n=i['n'] + 1)
        x.update(l=x['l'] + x['pl'] * error / total, pl=x['pl'] - x['pl'] ** 2 / total,
                 s=x['s'] + x['ps'] * error / total, ps=x['ps'] - x['ps'] ** 2 / total,
                 a=min(4, max(0, a + b * x['pa'] * error / total)), pa=x['pa'] - (b * x['pa']) ** 2 / total, n=x['n'] + 1)
        self.users[user] = x
        self.n += 1
        if not self.constant:
            self.mu += (rating - self.mu) / self.n


def prequential(path, low=.5, high=5.):
    model, square, n = Biases(unit=(high - low) / 4.5), 0., 0
    with (gzip.open if path.endswith('.gz') else open)(path, 'rt', encoding='utf-8') as lines:
        for line in lines:
            e = json.loads(line)
            if e.get('rating') is None or not e.get('item_id'):
                continue
            if model.n:
                guess = min(max(model.predict(e['user_id'], e['item_id'], e['ts']), low), high)
                square += (e['rating'] - guess) ** 2
                n += 1
            model.learn(e['user_id'], e['item_id'], e['rating'], e['ts'])
    print('RMSE %.6f over %d, mean %.6f' % (math.sqrt(square / n), n, model.mu * model.unit))


def series():
    global SLOPE
    SLOPE = 0  # a slope is learnt with the mean of its moment
    """ratings in order: user, item, stars; the mean of all 11 is 39.5 / 11"""
    ratings = [('ann', 'tea', 5), ('ann', 'cup', 3), ('ben', 'tea', 4), ('cid', 'tea', 1), ('ann', 'pot', 4.5), ('ben', 'cup', 2),
               ('ben', 'pot', 5), ('cid', 'cup', 1.5), ('eve', 'tea', 5), ('dee', 'pot', 4.5), ('dee', 'jug', 4)]
    model = Biases(sum(r[2] for r in ratings) / len(ratings))
    for k, (user, item, stars) in enumerate(ratings):
        model.learn(user, item, stars, 1700000000000 + 600000 * k)
    print('mu %.15g' % model.mu)
    for name, x in sorted(model.items.items()):
        print('%s %.15g of %d' % (name, x['b'], x['n']))
    for name, x in sorted(model.users.items()):
        print('%s %.15g + %.15g, slope %.15g of %d' % (name, x['l'], x['s'], x['a'], x['n']))


if sys.argv[1:] == ['--series']:
    series()
elif len(sys.argv) in (2, 4):
    prequential(sys.argv[1], *map(float, sys.argv[2:]))
else:
    sys.exit(__doc__)
