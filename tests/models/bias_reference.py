#!/usr/bin/env python3
"""An independent run of the bias recursion that processors/bias.h splits over two stages: one loop, running mean, no trick.

  bias_reference.py RATINGS.jsonl[.gz]       prequential RMSE (predict, clip to 0.5..5, then learn), N, and the mean
  bias_reference.py --series                 the small series of tests/unit/test_bias.c, learnt with a constant mean

It prints the numbers that test_bias.c holds; it is run by hand when they are to be made again.
"""
import gzip
import json
import math
import sys

K_ITEM, FLOOR_ITEM, K_USER, FLOOR_USER = 3, .01, 8, .06


class Biases:
    def __init__(self, mu=None):
        self.mu, self.n, self.constant = mu or 0., 0, mu is not None
        self.users, self.items = {}, {}  # id -> [bias, n]

    def predict(self, user, item):
        return self.mu + self.users.get(user, (0,))[0] + self.items.get(item, (0,))[0]

    def learn(self, user, item, rating):
        self.n += 1
        if not self.constant:
            self.mu += (rating - self.mu) / self.n
        u, i = self.users.setdefault(user, [0., 0]), self.items.setdefault(item, [0., 0])
        i[1] += 1
        i[0] += max(1 / (i[1] + K_ITEM), FLOOR_ITEM) * (rating - (self.mu + u[0] + i[0]))
        u[1] += 1
        u[0] += max(1 / (u[1] + K_USER), FLOOR_USER) * (rating - (self.mu + u[0] + i[0]))


def prequential(path):
    model, square, n = Biases(), 0., 0
    with (gzip.open if path.endswith('.gz') else open)(path, 'rt', encoding='utf-8') as lines:
        for line in lines:
            e = json.loads(line)
            if e.get('rating') is None or not e.get('item_id'):
                continue
            if model.n:
                guess = min(max(model.predict(e['user_id'], e['item_id']), .5), 5)
                square += (e['rating'] - guess) ** 2
                n += 1
            model.learn(e['user_id'], e['item_id'], e['rating'])
    print('RMSE %.6f over %d, mean %.6f' % (math.sqrt(square / n), n, model.mu))


def series():
    """ratings in order: user, item, stars; the mean of all 11 is 39.5 / 11"""
    ratings = [('ann', 'tea', 5), ('ann', 'cup', 3), ('ben', 'tea', 4), ('cid', 'tea', 1), ('ann', 'pot', 4.5), ('ben', 'cup', 2),
               ('ben', 'pot', 5), ('cid', 'cup', 1.5), ('ann', 'tea', 5), ('dee', 'pot', 4.5), ('dee', 'jug', 4)]
    model = Biases(sum(r[2] for r in ratings) / len(ratings))
    for rating in ratings:
        model.learn(*rating)
    print('mu %.15g' % model.mu)
    for name, bias in sorted(list(model.items.items()) + list(model.users.items())):
        print('%s %.15g of %d' % (name, bias[0], bias[1]))


if sys.argv[1:] == ['--series']:
    series()
elif len(sys.argv) == 2:
    prequential(sys.argv[1])
else:
    sys.exit(__doc__)
