"""The stage of the runtime's tests on a real Kafka: a group with topics, a Redis, daemons, and what must be counted of what was sent.

It fills topics, keeps the files for the independent count, holds dump and Redis against it. Judging a count is compare.py's,
counting is counts.py's; nothing of glint's own is used for expected numbers.
"""
import collections
import concurrent.futures
import importlib.util
import math
from glintlib import *
from rdkafka import Client

_spec = importlib.util.spec_from_file_location('oracle_counts', os.path.join(TOP, 'tests/oracle/counts.py'))
oracle_counts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle_counts)
partition_of = oracle_counts.partition_of

INPUTS = ('clicks', 'purchases', 'reviews')
# whatever the years of the data: nothing expires, nothing waits for another process
FOREVER = {'user_expiry': 0, 'item_expiry': 0, 'max_drift': '365d'}
SHOWN_ALL = {'shown': 500, 'neighbours': 500}


class Stage:
    def __init__(self, t, partitions=4, brokers=None, redis=True, items=False, glint=None, create=True, **sections):
        self.t, self.partitions, self.files, self.options = t, partitions, [], []
        self.brokers = brokers or t.kafka()
        self.redis = t.redis() if redis is True else redis
        self.items = items
        sections.setdefault('itemsets', {'window': 0, **SHOWN_ALL})
        window = sections['itemsets'].get('window', '30d')
        self.options = ['--window', window, '--partitions', partitions]
        self.config = t.config(brokers=self.brokers, redis=self.redis or 'redis://127.0.0.1:1/0', items=items,
                               glint=dict(FOREVER, **(glint or {})), **sections)
        if create:
            t.topics_create(self.config, partitions)

    def topic(self, kind):
        return '%s-%s' % (self.t.prefix, kind)

    def fill(self, kind, *files):
        """sends event files or lists of events; they count for the oracle"""
        paths = []
        for f in files:
            if not isinstance(f, str):
                self.t.counter += 1
                f = write_jsonl(self.t.path('%s%d.jsonl' % (kind, self.t.counter)), f)
            paths.append(f)
        self.t.replay(self.config, kind, *paths)
        if kind != 'items':
            self.files += paths

    def fill_shop(self, shop, spoil=False):
        """(clicks, purchases, reviews) as sent"""
        if self.items:
            self.fill('items', shop.items())
        sent = [shop.spoil(e, k) if spoil else e for k, e in zip(INPUTS, shop.traffic())]
        for kind, events in zip(INPUTS, sent):
            self.fill(kind, events)
        return sent

    def daemon(self, name='a', **how):
        return self.t.glintd(self.config, name, **how)

    def settled(self, timeout=120):
        self.t.caught_up(self.config, timeout)
        return self

    def dump(self, name='dump.jsonl'):
        return self.t.dump(self.config, name)

    def expected(self, *options):
        return self.t.oracle('oracle.jsonl', self.files, *self.options, *options)

    def counting(self):
        """begins the independent count of what was filled, beside the daemon; a function that gives its path"""
        pool = concurrent.futures.ThreadPoolExecutor(1)
        job = pool.submit(self.expected)
        pool.shutdown(wait=False)
        return job.result

    def same_counts(self, dump, *oracle_options, tolerance=0.5, oracle=None):
        """dump equals the independent count of what was filled; returns compare.py's summary"""
        path = oracle or self.expected(*oracle_options)
        return self.t.same_counts(dump, path, '--topic-prefix', self.t.prefix + '-', '--bias-tolerance', str(tolerance))

    def client(self, **properties):
        return self.t.ends.enter_context(Client(self.brokers, **properties))

    def restores_held(self):
        """From now on no restore ends: it reads to the rows' true end, which somebody's open transaction keeps from being stable. Returns
        what lets them go on"""
        other = self.client(transactional_id=self.t.prefix + '-other', transaction_timeout_ms=600000)
        other.transaction('init')
        other.transaction('begin')
        other.send(self.t.prefix + '-user-rows', b'', key=b'', partition=0)
        other.flush()
        return lambda: other.transaction('abort')


class Counts:
    """a dump (or an oracle's file), by kind"""

    def __init__(self, path):
        self.pairs = {'order': collections.defaultdict(dict), 'session': collections.defaultdict(dict)}
        self.baskets, self.items, self.counters, self.campaigns, self.rest = {}, {}, {}, {}, []
        self.watermarks = {}
        for line in read_jsonl(path):
            kind = line['kind']
            if kind == 'pair':
                side = self.pairs[line['basket']]
                side[line['a']][line['b']] = side[line['b']][line['a']] = line['count']
            elif kind == 'baskets':
                self.baskets[line['basket']] = line['n']
            elif kind == 'item':
                self.items[line['item']] = line
            elif kind == 'counter':
                self.counters[line['topic'], line['partition'], line['name']] = line['n']
            elif kind == 'campaign':
                self.campaigns[line['campaign']] = line
            elif kind == 'watermark':
                self.watermarks[line['task']] = line['ts']

    def total(self, name):
        return sum(n for (_, _, what), n in self.counters.items() if what == name)


def fisher(n_ab, n_a, n_b, n):
    """one-sided p of Fisher's exact test: the sum of the hypergeometric distribution from n_ab on (scipy's hypergeom.sf(n_ab - 1, n, n_a, n_b))"""
    def log_choose(n, k):
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    total, whole = 0.0, log_choose(n, n_b)
    for i in range(n_ab, min(n_a, n_b) + 1):
        term = math.exp(log_choose(n_a, i) + log_choose(n - n_a, n_b - i) - whole) if n_b - i <= n - n_a else 0.0
        total += term
        if i > n_a * n_b / n and term < total * 1e-9:
            break
    return total


def related(n_ab, n_a, n_b, n, p=0.01):
    """True or False; None: too near to p to tell"""
    if n_ab * n <= n_a * n_b:
        return False
    found = fisher(n_ab, n_a, n_b, n)
    return None if abs(found / p - 1) < 1e-6 else found < p


def redis_equals(db, counts, most=500, neighbours=500):
    """glint:together, glint:viewed and glint:item say what the dump does, and offer nothing that may be chance, nothing less than the rest; returns
    (lists, pairs) looked at"""
    lists = pairs = 0
    for basket, name in (('order', 'together'), ('session', 'viewed')):
        items = sorted(counts.pairs[basket])
        for item, text in zip(items, db.pipeline([('GET', 'glint:%s:%s' % (name, i)) for i in items])):
            assert text, 'no glint:%s:%s' % (name, item)
            view, others = json.loads(text), counts.pairs[basket][item]
            shown = [(x['item'], x['count']) for x in view['items']]
            wrong = [x for x in shown if others.get(x[0]) != x[1]]
            assert not wrong, (name, item, wrong[:3])
            best = sorted(others.values(), reverse=True)
            least = best[min(neighbours, len(best)) - 1]  # of those that are asked first; where they leave places free, all that came twice are
            sure = len(best) <= neighbours or best[neighbours] < least  # else it is not told which of equals are asked
            least = min(least, 2)
            assert not shown or min(n for _, n in shown) >= least, (name, item)
            n_of, n = 'n_' + basket, counts.baskets[basket]
            asked = {o: related(c, counts.items[item][n_of], counts.items[o][n_of], n) for o, c in others.items() if c >= least}
            wrong = [x for x in shown if asked[x[0]] is False]
            assert not wrong, (name, item, 'chance', wrong[:3])
            missing = [o for o, is_related in asked.items() if is_related and (sure or others[o] >= 2) and (o, others[o]) not in shown]
            assert len(shown) == most or not missing, (name, item, len(shown), missing[:3], text[:200])
            assert view['n'] == counts.items[item]['n_' + basket], (name, item, view['n'])
            assert view['baskets'] == counts.baskets[basket], (name, item, view['baskets'], counts.baskets)
            lists, pairs = lists + 1, pairs + len(shown)
    rated = [i for i, x in sorted(counts.items.items()) if x.get('rating_n')]
    for item, found in zip(rated, db.pipeline([('HMGET', 'glint:item:' + i, 'rating_n', 'rating_sum') for i in rated])):
        want = counts.items[item]
        assert found[0] and int(found[0]) == want['rating_n'] and abs(float(found[1]) - want['rating_sum']) < 1e-6, (item, found, want)
    return lists, pairs


def user_in(partition, partitions=4, prefix='x'):
    """a user id that the partitioner sends there"""
    return next(u for u in ('%s%d' % (prefix, i) for i in range(10000)) if partition_of(u, partitions) == partition)
