#!/usr/bin/env python3
"""Holds a `glintctl dump` against the independent count of counts.py and names what differs.

  compare.py [options] ORACLE.jsonl DUMP.jsonl

All integers must be equal; a line that one side lacks counts as zeros. Biases, which depend on the order between users and on
how soon a step sees the other side's, may differ by --bias-tolerance. Fields that only one side knows are listed, not judged,
unless --require names them. Exit code 1 when anything differs.
"""
import argparse
import collections
import json
import sys

KEYS = {'item': ('item',), 'baskets': ('basket',), 'campaign': ('campaign',), 'counter': ('topic', 'partition', 'name')}
BASKETS = ('order', 'session')
COUNTERS = {'applied', 'duplicate', 'late', 'filtered', 'dead_lettered'}


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('oracle')
    p.add_argument('dump')
    p.add_argument('--bias-tolerance', type=float, default=0.05, help='stars (default 0.05)')
    p.add_argument('--topic-prefix', default='', help="what the dump's topic names have before clicks, purchases, reviews")
    p.add_argument('--require', default='item.rating_n,item.rating_sum,pair.count,set.count,baskets.n,counter.n',
                   help='comma-separated kind.field that both must have when the oracle has such lines')
    p.add_argument('--alias', action='append', default=[], metavar='KIND.DUMP=ORACLE', help="the dump's name of a field of the oracle")
    p.add_argument('--kinds', default='item,pair,set,baskets,campaign,counter')
    p.add_argument('--show', type=int, default=10, help='differences shown of each kind')
    return p


class Reader:
    """lines of a dump: (kind, key, fields). A pair's key is one number, to hold millions of them"""

    def __init__(self, options):
        self.options = options
        self.symbols = {}
        self.alias = dict(a.split('=', 1) for a in options.alias)

    def symbol(self, text):
        return self.symbols.setdefault(text, len(self.symbols))

    def read(self, path, dump):
        kinds = set(self.options.kinds.split(','))
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                try:
                    obj = json.loads(line)
                    kind = obj.pop('kind')
                    if kind not in kinds:
                        continue
                    if kind == 'pair':
                        a, b = self.symbol(obj['a']), self.symbol(obj['b'])
                        key = min(a, b) << 40 | max(a, b) << 8 | BASKETS.index(obj['basket'])
                        if dump and obj['a'].encode() >= obj['b'].encode():
                            raise ValueError('a is not below b')
                        yield kind, key, obj['count']
                        continue
                    if kind == 'counter' and dump:
                        if obj['name'] not in COUNTERS:
                            continue
                        topic = obj['topic']
                        if not topic.startswith(self.options.topic_prefix):
                            continue
                        obj['topic'] = topic[len(self.options.topic_prefix):]
                    key = tuple(obj.pop('items')) if kind == 'set' else tuple(obj.pop(k) for k in KEYS[kind])
                    if dump and self.alias:
                        obj = {self.alias.get('%s.%s' % (kind, k), k): v for k, v in obj.items()}
                    yield kind, key, flat(obj)
                except (ValueError, KeyError, TypeError) as error:
                    raise SystemExit('%s:%d: %s: %s' % (path, number, error, line[:200])) from None

    def pair(self, key):
        names = {v: k for k, v in self.symbols.items()}
        a, b = sorted((names[key >> 40], names[key >> 8 & 0xffffffff]), key=str.encode)
        return '%s %s + %s' % (BASKETS[key & 0xff], a, b)


def flat(obj):
    """{"revenue": {"GBP": 1}} as {"revenue:GBP": 1}; only numbers are kept"""
    out = {}
    for k, v in obj.items():
        if isinstance(v, dict):
            for sub, n in v.items():
                if isinstance(n, (int, float)):
                    out['%s:%s' % (k, sub)] = n
        elif isinstance(v, (int, float)):
            out[k] = v
    return out


class Differences:
    def __init__(self, show):
        self.show, self.compared, self.count, self.lines = show, collections.Counter(), collections.Counter(), collections.defaultdict(list)
        self.worst_bias = 0.0

    def judge(self, kind, name, field, want, got, tolerance):
        self.compared[kind] += 1
        if field == 'bias':
            self.worst_bias = max(self.worst_bias, abs(want - got))
        if abs(want - got) <= tolerance:
            return
        self.count[kind] += 1
        if len(self.lines[kind]) < self.show:
            self.lines[kind].append('  %s %s: expected %s, the dump has %s' % (name() if callable(name) else name, field, want, got))


def main():
    options = parser().parse_args()
    reader = Reader(options)
    pairs, want, fields = {}, {}, collections.defaultdict(set)
    for kind, key, value in reader.read(options.oracle, False):
        if kind == 'pair':
            fields[kind].add('count')
            pairs[key] = value
        else:
            want[kind, key] = value
            fields[kind].update(value)
    found, got = collections.defaultdict(set), {}
    diff = Differences(options.show)
    # pairs are judged while the dump is read; what is left at its end it lacks
    for kind, key, value in reader.read(options.dump, True):
        if kind == 'pair':
            found[kind].add('count')
            diff.judge(kind, lambda: reader.pair(key), 'count', pairs.pop(key, 0), value, 0)  # pylint: disable=cell-var-from-loop
        elif (kind, key) in got:
            raise SystemExit('%s: two lines of %s %s' % (options.dump, kind, ' '.join(map(str, key))))
        else:
            got[kind, key] = value
            found[kind].update(value)
    for key, n in pairs.items():
        diff.judge('pair', lambda: reader.pair(key), 'count', n, 0, 0)  # pylint: disable=cell-var-from-loop
    both = {k: fields[k] & found[k] for k in fields}
    topics = {key[0] for kind, key in want if kind == 'counter'}
    for kind, key in sorted(set(want) | set(got), key=str):
        if kind == 'counter' and key[0] not in topics:
            continue  # a topic that the oracle was not given
        a, b = want.get((kind, key), {}), got.get((kind, key), {})
        for field in sorted(both.get(kind, ())):
            tolerance = options.bias_tolerance if field == 'bias' else 1e-6 if field == 'rating_sum' else 0
            if field == 'bias' and (field not in a or field not in b):
                continue  # nobody rated it; rating_n says so
            diff.judge(kind, '%s %s' % (kind, ' '.join(map(str, key))), field, a.get(field, 0), b.get(field, 0), tolerance)

    missing = [r for r in options.require.split(',') if r and r.split('.')[0] in fields and r.split('.')[1] in fields[r.split('.')[0]]
               and r.split('.')[1] not in found[r.split('.')[0]]]
    # a kind of which all is zero needs no line
    missing = [r for r in missing if any(v.get(r.split('.')[1]) for (k, _), v in want.items() if k == r.split('.')[0]) or r == 'pair.count']
    for kind in sorted(fields):
        print('%-9s %9d figures compared, %d differ%s' % (kind, diff.compared[kind], diff.count[kind],
              ' (greatest difference of a bias %.6f)' % diff.worst_bias if 'bias' in both.get(kind, ()) else ''))
        for line in diff.lines[kind]:
            print(line)
        only = sorted(fields[kind] - found[kind]), sorted(found[kind] - fields[kind])
        if any(only):
            print('  not compared: only counted here %s; only in the dump %s' % (', '.join(only[0]) or '-', ', '.join(only[1]) or '-'))
    for r in missing:
        print('the dump lacks ' + r)
    return 1 if missing or sum(diff.count.values()) else 0


if __name__ == '__main__':
    sys.exit(main())
