"""Several glintd of one group that are hurt while events flow, and what must be true of them afterwards.

A Fleet is a Stage (tests/e2e/lib/stage.py) with named processes, static members with a session of 6 s, a file for each that names the
point at which it shall die (daemon/face/crashpoint.h), and a seeded shop cut in slices by time. Within a slice reviews are sent first, then
clicks, then purchases: an order finds the touches before it, whenever it is read. judged() is the verdict: dump equals the independent count,
alerts of Kafka and of Redis and sentiment are the independent ones, logs and memory within bounds. Counting is
tests/oracle's; nothing here computes an expected count.
"""
import concurrent.futures  # noqa: F401 (for the cases)
import os
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'e2e', 'lib'))
from glintlib import *  # noqa: E402
import shown  # noqa: E402
from proxy import Proxy  # noqa: E402
from shop import DAY, HOUR, START, Shop  # noqa: E402
from stage import SHOWN_ALL, Counts, Stage, partition_of, redis_equals, user_in  # noqa: E402,F401

FULL = os.environ.get('FAULTS', 'short') == 'full'
SEED = int(os.environ.get('SEED') or (random.SystemRandom().randrange(1, 1 << 30) if FULL else 3))  # the short form is one run, the same each time
LATER = 24 * HOUR                 # a slice, of an alert's event time, and
EVALUATIONS = 4 * 15 * 60 * 1000  # of panes behind the last that was sent: two to judge what came late, two to resolve
READY_S, SESSION_S = 15, 6
MEMORY_KIB = 256 << 10            # of one process: a shop of some thousand shoppers takes less than half
if 'ASAN_OPTIONS' in os.environ:  # what is freed is kept for a while, and everything has a shadow
    MEMORY_KIB *= 4
LINES_A_START, LINES_A_S = 60, 5  # of a log
BUSY = {'commit_interval': '20ms', 'interval_bytes': '256KiB', 'snapshot_interval': '500ms'}
SPIKES = {'window': '1d', 'cool_down': '1d', 'windows': '', 'drift_threshold': 0}  # a shop of some days has alerts that are over
SETS = {'set_size': 4, 'rule_min_count': 2, 'max_set_items': 100000}  # as many as there are
ORDER = ('reviews', 'clicks', 'purchases')
AT = {'clicks': 0, 'purchases': 1, 'reviews': 2}
# some need what others have done: restore.* a row or a log, rebalance.revoke* a member that comes
POINTS = ('seal.begin', 'seal.sealed', 'commit.begin', 'commit.produced', 'commit.offsets', 'commit.done',
          'restore.begin', 'restore.log', 'restore.done', 'rebalance.assign', 'rebalance.assigned')
REVOKED = ('rebalance.revoke', 'rebalance.revoked')


def say(fault, *seen):
    """the line of one fault: what the operator sees"""
    print('# fault: %s | operator sees: %s' % (fault, '; '.join(str(x) for x in seen if x)), flush=True)


def log_line(daemon, pattern, after=0):
    """the last line of a log that has it, without its time"""
    found = [line for line in daemon.log_text()[after:].splitlines() if re.search(pattern, line)]
    return found and 'log "%s"' % found[-1].split(' ', 1)[-1][:160]


def refused(daemons, word='', timeout=30):
    """waits until /readyz of one of them refuses for a reason that has the word; returns it for say()"""
    def seen():
        for d in daemons:
            status, body = d.http('/readyz')
            whys = [part.get('why', '') for part in json.loads(body)['parts'].values()] if status == 503 else []
            if any(re.search(word, why) for why in whys):
                return '/readyz 503 "%s"' % ', '.join(w for w in whys if w)[:150]
        return None
    return wait_for(seen, timeout, '/readyz refuses: ' + word)


class Fleet(Stage):
    def __init__(self, t, seed, names='abc', slices=8, users=600, events=12000, partitions=6, spoil=False, **how):
        how['glint'] = dict(BUSY, **how.get('glint', {}))
        how.setdefault('spike', SPIKES)
        how.setdefault('itemsets', {'window': 0, **SHOWN_ALL}).update(SETS)
        how['kafka'] = dict({'session.timeout.ms': SESSION_S * 1000, 'heartbeat.interval.ms': 1000}, **how.get('kafka', {}))
        super().__init__(t, partitions=partitions, **how)
        self.r, self.names, self.kills, self.starts, self.looked = random.Random(seed), list(names), 0, {}, 0
        self.slow = 0.0  # the longest time until ready again, s
        self.born, self.fed, self.poison = time.monotonic(), 0, {}
        self.sent_to, self.waves = 0, []  # the greatest ts that was sent; as it stood at each verdict
        self.options += ['--in-order', '--set-size', SETS['set_size'], '--set-min-count', SETS['rule_min_count']]
        shop = Shop(seed=seed, users=users, items=80, days=slices, events=events)
        clicks, purchases, reviews = shop.traffic()
        sent = [clicks, purchases, opinions(reviews, slices, self.r)]
        self.exact = not spoil  # in order by more than `settle`: what alerts do then is a function of the events alone
        if spoil:
            sent = [shop.spoil(e, k) for k, e in zip(AT, sent)]
        self.slices = [cut(events, slices) for events in sent]
        self.n_slices = slices
        self.seen_by_daemons = self.config  # the tools go to the servers themselves
        self.daemons = {}

    def through(self, kafka=None, redis=None):
        """the daemons reach Kafka and Redis through these proxies"""
        with open(self.config) as f:
            text = f.read()
        if kafka:
            text = text.replace('bootstrap.servers = ' + self.brokers, 'bootstrap.servers = 127.0.0.1:%d' % kafka.port)
        if redis:
            text = text.replace(self.redis.url, 'redis://127.0.0.1:%d/0' % redis.port)
        self.seen_by_daemons = self.t.path('proxied.conf')
        with open(self.seen_by_daemons, 'w') as f:
            f.write(text)

    def proxy(self, port, at=0):
        proxy = Proxy(port, at)
        self.t.ends.callback(proxy.close)
        return proxy

    def made(self, name):
        daemon = self.t.glintd(self.seen_by_daemons, name, start=False, env={'GLINT_TEST_CRASH_AT': self.t.path(name + '.crash')})
        self.starts.setdefault(name, 0)
        return daemon

    def feed(self, most=1):
        """the next slices; False when there are none left"""
        for _ in range(most):
            if self.fed == self.n_slices:
                return False
            for kind in ORDER:
                events = self.slices[AT[kind]][self.fed]
                if events:
                    self.fill(kind, events)
                    self.sent_to = max([self.sent_to] + [e['ts'] for e in events])
            self.fed += 1
        return True

    def feed_rest(self):
        while self.feed():
            pass

    # --- processes ---

    def start(self, name, ready=False, **how):
        self.daemons.setdefault(name, None)
        self.daemons[name] = self.daemons[name] or self.made(name)
        self.starts[name] += 1
        self.daemons[name].start(ready=ready, **how)
        return self.daemons[name]

    def start_all(self):
        for name in self.names:
            self.start(name)
        return self.ready()

    def living(self):
        return [d for d in self.daemons.values() if d and d.process and d.process.poll() is None]

    def ready(self, timeout=60, limit=None):
        """waits until every living process is ready and together they run all partitions; returns the seconds that it took. More than
        `limit` fails"""
        begin = time.monotonic()

        def running(d):
            status, body = d.http('/metrics')
            return metrics_of(body).get('glint_partitions{state="running"}', 0) if status == 200 else 0
        for d in self.living():
            d.wait_ready(timeout)
        wait_for(lambda: sum(map(running, self.living())) == self.partitions, timeout, 'all partitions run', 0.1)
        took = time.monotonic() - begin
        self.slow = max(self.slow, took)
        assert limit is None or took <= limit, 'ready after %.1f s, %g are promised\n%s' % (took, limit, self.log_tails())
        return took

    def log_tails(self):
        return '\n'.join('%s: %s' % (d.name, d.log_tail(12)) for d in self.daemons.values() if os.path.exists(d.log_path))

    def kill(self, name):
        self.daemons[name].kill9()
        self.kills += 1

    def crash_at(self, name, point, start=False, limit=30):
        """has the process die at the point; whether it came there within the limit (else it is killed where it is)"""
        daemon, path = self.daemons.get(name) or self.made(name), self.t.path(name + '.crash')
        self.daemons[name] = daemon
        with open(path + '.new', 'w') as f:
            f.write(point + '\n')
        os.rename(path + '.new', path)
        if start:
            self.start(name)
        try:
            daemon.process.wait(limit)
        except subprocess.TimeoutExpired:
            pass
        os.unlink(path)
        there = daemon.process.poll() == -signal.SIGKILL
        assert there or daemon.process.poll() is None, '%s ended with %r\n%s' % (name, daemon.process.returncode, daemon.log_tail())
        self.kill(name)
        return there

    # --- the verdict ---

    def judged(self, redis=True):
        """everything is done and shown, and all of it is as it must be; returns the Counts of the dump"""
        self.settled(180)
        self.waves.append(self.sent_to)
        dump = self.dump()
        counts = Counts(dump)
        self.same_counts(self.without_poison(dump))
        if redis:
            db = self.redis.client()
            redis_equals(db, counts)
            self.same_alerts(db)
        said = self.opinions(counts)
        self.same_sentiment(dump, said['sentiment'])
        if redis:
            self.same_views(db, dump, counts, said['sentiment'])
        if self.exact:
            self.same_spikes(said['alert'])
        self.bounded()
        return counts

    def without_poison(self, dump):
        """the dump without what no event file holds: records whose bytes are no event, each in dead_lettered"""
        if not self.poison:
            return dump
        rows = read_jsonl(dump)
        for line in rows:
            if line['kind'] == 'counter' and line['name'] == 'dead_lettered':
                line['n'] -= self.poison.get((line['topic'], line['partition']), 0)
        return write_jsonl(self.t.path('dump-without-poison.jsonl'), rows)

    def alerts(self, group=None):
        """the transitions in <group>-alerts, in order: (offset, object)"""
        reader = self.client(consumer=True, enable_partition_eof='true', isolation_level='read_committed')
        return [(r.offset, json.loads(r.value)) for r in reader.read((group or self.t.prefix) + '-alerts', 0)]

    def same_alerts(self, db):
        """each transition of Kafka is in the stream once, under its offset + 1, and the other way round"""
        kafka = self.alerts()

        def shown():
            return [i for i, _ in db.do('XRANGE', 'glint:alerts', '-', '+')] == ['%d-0' % (o + 1) for o, _ in kafka]
        wait_for(shown, 60, 'glint:alerts has the alerts of the topic: %s against %s' % (
            [i for i, _ in db.do('XRANGE', 'glint:alerts', '-', '+')][-5:], [o for o, _ in kafka][-5:]))
        return kafka

    def oracle(self, program, counts, *options):
        """the lines of an independent count beside counts.py, at the watermark of the dump"""
        self.t.counter += 1
        path = self.t.path('%s%d.jsonl' % (program, self.t.counter))
        run_program([sys.executable, os.path.join(TOP, 'tests/oracle/%s.py' % program), '--out', path, '--watermark', str(max(counts.watermarks.values()))] +
                    list(map(str, options)) + list(map(str, self.options)) + self.files, 240)
        return read_jsonl(path)

    def opinions(self, counts):
        """what reviews say: {'sentiment': {scope: line}, 'alert': [transition, ...]}"""
        want = {'sentiment': {}, 'alert': []}
        for line in self.oracle('opinions', counts, '--spike-window', SPIKES['window'], '--spike-cool-down', SPIKES['cool_down']):
            if line.pop('kind') == 'alert':
                want['alert'].append(line)
            else:
                want['sentiment'][line.pop('scope')] = line
        return want

    def same_views(self, db, dump, counts, sentiment):
        """campaigns, items, shoppers and sentiment in Redis, and shoppers in the dump, are those of the independent counts, field by field"""
        views, scores = {'sentiment:' + scope: shown.sentiment_fields(line) for scope, line in sentiment.items()}, {}
        for line in self.oracle('views', counts):
            if line['kind'] == 'view':
                views[line['key']] = line['fields']
            else:
                scores[line['key']] = line['scores']
        users = {x['user']: dict({'orders': x.get('orders', 0)}, **{'revenue:' + c: n for c, n in x.get('revenue', {}).items()})
                 for x in read_jsonl(dump) if x['kind'] == 'user'}
        for key, want in views.items():
            kind, _, user = key.partition(':')
            wrong = [(f, n, users[user].get(f, 0)) for f, n in want.items() if kind == 'user' and n is not None and users[user].get(f, 0) != n]
            assert not wrong, (user, wrong)
        assert not [u for u, x in users.items() if x['orders'] and 'user:' + u not in views]

        def nothing_differs():
            self.differs, self.looked = shown.differences(db, views, scores)
            return not self.differs and self.looked
        try:
            return wait_for(nothing_differs, 30, 'Redis shows what is counted', 0.2)
        except AssertionError:
            raise AssertionError('%d fields of Redis differ:\n%s' % (len(self.differs), '\n'.join(self.differs[:20]))) from None

    @staticmethod
    def same_sentiment(dump, want):
        """counts of every scope and window"""
        got = {x['scope']: x for x in read_jsonl(dump) if x['kind'] == 'sentiment'}
        for scope, figures in want.items():
            assert {k: got[scope][k] for k in figures} == figures, (scope, figures, got[scope])
        assert not [s for s in got if s not in want and not s.startswith('aspect:')], sorted(got)

    def same_spikes(self, wanted, exact=False):
        """the alerts of every item are those of the independent count; returns the transitions. exact: those of every scope, each to the very pane.

        A slice is a day that comes within a second. A process that believes itself at the end of its inputs, while another works on the new day
        already, follows the group's time: what then reaches it late is counted, and judged with the next pane (ARCHITECTURE "Time"). So an
        alert may come some panes later than the count says, never earlier, and is there once. What bounds it is that no time of the group passes
        what was sent: with all of a wave read, nothing of it is judged later than the next panes behind the wave's end. LATER is no such bound, but
        what was seen: the group's time was a slice further. Nothing is late at all in a history that is there before anybody reads: kills.py, killed_in_a_history."""
        def by(ts):
            return next((end for end in self.waves if ts <= end), self.sent_to) + EVALUATIONS
        found = [a for _, a in self.alerts()]
        one = [(a['id'], a['state'], a['ts'], a['severity']) for a in found]
        assert len(one) == len(set(one)), 'an alert came twice: %s' % sorted(one)
        others, found = [a for a in found if a['kind'] != 'negative_spike'], [a for a in found if a['kind'] == 'negative_spike']
        for kind, scope in sorted({(a['kind'], a['scope']) for a in others}):
            alternate([a for a in others if (a['kind'], a['scope']) == (kind, scope)], scope)
        if exact:
            them = [(a['id'], a['state'], a['ts'], a['severity']) for a in wanted]
            one = [(a['id'], a['state'], a['ts'], a['severity']) for a in found]
            assert sorted(one) == sorted(them), (sorted(set(one) - set(them)), sorted(set(them) - set(one)))
        for scope in sorted({scope_of(a) for a in found + wanted}):
            if not scope.startswith('item:'):  # an hour's difference of one alert moves all that follow
                alternate([a for a in found if scope_of(a) == scope], scope)
                continue
            a, b = (alternate([x for x in some if scope_of(x) == scope], scope) for some in (found, wanted))
            assert [x[0] for x in a] == [x[0] for x in b] and all(
                -HOUR < x[1] - y[1] <= LATER and x[1] <= max(y[1], by(y[1])) for x, y in zip(a, b)), (scope, a, b)
        exact = set(one) & {(a['id'], a['state'], a['ts'], a['severity']) for a in wanted}
        self.said = '%d fields of Redis as counted; %d transitions of alerts, none lost, none twice (%d at the very pane)' % (self.looked, len(one), len(exact))
        return found

    def bounded(self):
        """memory of who lives, and lines of every log"""
        for d in self.living():
            assert rss_kib(d.pid) <= MEMORY_KIB, (d.name, rss_kib(d.pid))
        seconds = time.monotonic() - self.born
        for name, d in self.daemons.items():
            lines = d.log_text().count('\n') if os.path.exists(d.log_path) else 0
            most = LINES_A_START * (self.starts[name] + 1) + LINES_A_S * seconds
            assert lines <= most, '%s logged %d lines in %.0f s and %d starts' % (name, lines, seconds, self.starts[name])


def cut(events, slices):
    """by days, in the order of sending: a record belongs to the day of the greatest ts so far"""
    parts, greatest = [[] for _ in range(slices)], START
    for e in events:
        greatest = max(greatest, e['ts'])
        parts[min(slices - 1, (greatest - START) // DAY)].append(e)
    return parts


def scope_of(alert):
    return alert['id'].split(':', 1)[1].rsplit(':', 1)[0]


def alternate(alerts, scope):
    """(state, ts) of one scope's alerts without those that only grew graver; fails unless each is raised, then resolved once"""
    out = []
    for a in sorted(alerts, key=lambda a: a['ts']):
        if a['state'] == 'raised' and out and out[-1][0] == 'raised':
            assert a['id'] == out[-1][2], ('raised while another stands', scope, alerts)
            continue
        assert a['state'] == 'raised' or (out and out[-1][2] == a['id']), ('resolved, not raised', scope, alerts)
        assert not out or out[-1][0] != a['state'], (scope, alerts)
        out.append((a['state'], a['ts'], a['id']))
    return [x[:2] for x in out]


def opinions(reviews, days, r):
    """the reviews with texts that nobody doubts, or none, and with a burst of bad ones on every other day but the first, to be alerted of"""
    for e in reviews:
        e['text'] = r.choice(('great', 'love it', 'perfect')) if e['text'] and e['rating'] >= 4 else \
            r.choice(('bad', 'terrible', 'awful')) if e['text'] and e['rating'] <= 2 else ''
    for day in range(1, days, 2):
        begin, item = START + day * DAY + r.randrange(DAY // 2), 'item-%03d' % r.randrange(80)
        reviews += [{'event_id': 'burst-%d-%d' % (day, i), 'ts': begin + i * 1000000 + r.randrange(600000), 'user_id': 'burst-%d-%d' % (day, i),
                     'item_id': item, 'rating': 1.0, 'text': 'terrible'} for i in range(12)]
    return sorted(reviews, key=lambda e: e['ts'])
