#!/usr/bin/env python3
"""Made-up clicks of sessions, of kinds that ask different things of a ranking of the next item: `sessions.py KIND SEED > FILE`, JSON lines for
`glintctl evaluate FILE`. `sessions.py orders FILE` makes sessions of the order lines of a purchases file (.gz) instead, `kinds` lists the kinds.
Some 20,000 clicks each; the same seed gives the same bytes."""
import gzip
import itertools
import json
import math
import random
import sys

START = 1_600_000_000_000


class Zipf:
    """Draws from `of`, the i-th with weight (i + 1)^-a."""
    def __init__(self, rng, of, a):
        self.rng, self.of, self.to = rng, of, list(itertools.accumulate((i + 1) ** -a for i in range(len(of))))

    def draw(self):
        return self.rng.choices(self.of, cum_weights=self.to)[0]


def length(rng, least, mean):
    return least + int(rng.expovariate(1 / mean))


def groups(rng, items, n, sessions, mean, noise):
    """Each session is of one group of items, in no order; some clicks are of any item."""
    of = Zipf(rng, [Zipf(rng, rng.sample(range(items), items // n), .7) for _ in range(n)], .8)
    anything = Zipf(rng, range(items), .6)
    for _ in range(sessions):
        group = of.draw()
        yield [(anything if rng.random() < noise else group).draw() for _ in range(length(rng, 2, mean))]


def two(rng):
    """Two interests a session, by turns."""
    of = [rng.sample(range(900), 30) for _ in range(40)]
    for _ in range(2500):
        pair = rng.sample(of, 2)
        yield [rng.choice(pair[i % 2]) for i in range(length(rng, 4, 6))]


def links(rng, items, sessions, mean, after, back=0.):
    """Each item leads to a few others, the first most; some clicks begin anew, some go back to one of the last five."""
    anything = Zipf(rng, range(items), .9)
    to = [[anything.draw() for _ in range(after)] for _ in range(items)]
    for _ in range(sessions):
        s = [anything.draw()]
        for _ in range(length(rng, 1, mean)):
            if len(s) > 1 and rng.random() < back:
                s.append(rng.choice(s[-5:]))
            else:
                s.append(anything.draw() if rng.random() < .15 else to[s[-1]][min(int(rng.expovariate(.7)), after - 1)])
        yield s


def playlists(rng):
    """A few items over and over, mostly in the same order."""
    anything = Zipf(rng, range(2000), .8)
    for _ in range(2200):
        s = [anything.draw() for _ in range(rng.randint(2, 6))]
        yield [rng.choice(s) if rng.random() < .3 else s[i % len(s)] for i in range(rng.randint(4, 20))]


def drift(rng):
    """New items come and old ones go all the time; steps ahead."""
    for k in range(4500):
        x, s = rng.randint(0, 60), []
        for _ in range(length(rng, 2, 4)):
            s.append(k // 40 * 10 + x)
            x = max(0, min(100, x + rng.choice([1, 1, 2, -1, 5, 7])))
        yield s


def pages(rng):
    """Through the pages of a category, mostly ahead."""
    for _ in range(4000):
        category, x, s = rng.randint(0, 20), rng.randint(0, 80), []
        for _ in range(rng.randint(2, 10)):
            s.append(category * 100 + x)
            x = (x + rng.choice([1, 1, 1, 2, 3, -1, 12])) % 100
        yield s


def popular(rng):
    """Nothing but popularity."""
    anything = Zipf(rng, range(1000), 1.1)
    for _ in range(4500):
        yield [anything.draw() for _ in range(5)]


def near(rng):
    """Items are places on a plane; a session stays about where it began, and wanders."""
    items = [(rng.random(), rng.random()) for _ in range(1500)]
    at = sorted(range(1500), key=lambda i: items[i])
    about = [sorted(at, key=lambda j, i=i: math.dist(items[i], items[j]))[1:60] for i in range(1500)]
    ring = Zipf(rng, range(59), .9)
    start = Zipf(rng, range(1500), .7)
    for _ in range(3000):
        home = start.draw()
        s = [home]
        for _ in range(length(rng, 2, 5)):
            s.append(about[s[-1] if rng.random() < .5 else home][ring.draw()])
        yield s


def hub(rng):
    """From a list to what it holds and back to the list: every other click is the same item."""
    of = [rng.sample(range(40, 1500), 40) for _ in range(40)]
    which = Zipf(rng, range(40), .7)
    for _ in range(2500):
        k, s = which.draw(), []
        held = Zipf(rng, of[k], .8)
        for _ in range(length(rng, 2, 3)):
            s += [k, held.draw()]
        yield s


def series(rng):
    """Episodes, one after the other, of one series or of two by turns; never one again."""
    which = Zipf(rng, range(80), .9)
    for _ in range(3500):
        at = {which.draw(): rng.randint(0, 15) for _ in range(rng.randint(1, 2))}
        s = []
        for _ in range(length(rng, 2, 4)):
            k = rng.choice(list(at))
            s.append(k * 100 + at[k])
            at[k] += 1
        yield s


def news(rng):
    """What is new is looked at, by everybody, for a short while; some is of one field."""
    for k in range(4500):
        latest, field, most, s = 100 + k // 10, rng.randint(0, 4), length(rng, 2, 4), []
        while len(s) < most:
            x = latest - min(int(rng.expovariate(1 / 15)), 100)
            if x % 5 == field or rng.random() < .4:
                s.append(x)
        yield s


def baskets(rng):
    """Groups in which nothing is taken twice, with a few items that everybody takes."""
    staples = Zipf(rng, range(30), 1)
    of = [rng.sample(range(30, 800), 25) for _ in range(50)]
    for _ in range(3500):
        group, s = rng.choice(of), {}
        for _ in range(length(rng, 2, 5)):
            s[staples.draw() if rng.random() < .3 else rng.choice(group)] = True
        yield list(s)


KINDS = {
    'groups': lambda r: groups(r, 600, 40, 4500, 4, .2),
    'biggroups': lambda r: groups(r, 3000, 60, 4500, 4, .3),
    'long': lambda r: groups(r, 1000, 40, 500, 40, .2),
    'huge': lambda r: groups(r, 500, 20, 60, 350, .1),
    'two': two,
    'links': lambda r: links(r, 2000, 5000, 4, 6),
    'linksback': lambda r: links(r, 1000, 4000, 6, 8, .35),
    'drift': drift, 'pages': pages, 'playlists': playlists, 'popular': popular,
    'near': near, 'hub': hub, 'series': series, 'news': news, 'baskets': baskets,
}


def lines(path, most=30000):
    n = 0
    for line in gzip.open(path, 'rt'):
        s = [x['item_id'] for x in json.loads(line)['lines']]
        yield s
        n += len(s)
        if n > most:
            return


def main():
    if sys.argv[1:] == ['kinds']:
        return print(*KINDS)
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    kind, rest = sys.argv[1:]
    rng = random.Random(f'{kind} {rest}')
    sessions = lines(rest) if kind == 'orders' else KINDS[kind](rng)
    clicks, start = [], START
    for k, s in enumerate(sessions):
        start += rng.randint(0, 1_200_000 if kind in ('drift', 'news') else 40_000)
        ts = start
        for item in s:
            clicks.append((ts, k, item))
            ts += rng.randint(1000, 60_000)
    for n, (ts, k, item) in enumerate(sorted(clicks, key=lambda c: c[:2])):
        print(json.dumps({'event_id': f'e{n}', 'ts': ts, 'user_id': f'v{k}', 'session_id': str(k), 'action': 'VIEW', 'item_id': str(item), 'campaign_id': None}))


if __name__ == '__main__':
    main()
