#!/usr/bin/env python3
"""Records that ought not to be, and topics that lose or change what they hold, with processes killed meanwhile, on a real Kafka.

FAULTS=full (make test-faults): ten times as much. SEED=n repeats a run.
"""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from fleet import *
import avrobytes as avro

YEAR = 365 * DAY
ROUNDS = 20 if FULL else 3


def poison(s, kind, user, k):
    """bytes that are no event, an event whose time cannot be, from -1 to 100 years ahead, or a record too large"""
    ahead = int(time.time() * 1000) + s.r.choice((3600000, DAY, YEAR, 100 * YEAR))
    ts = s.r.choice((-1, 0, ahead))
    if kind == 'clicks' and s.r.random() < 0.5:
        return avro.click('wild-%d' % k, ts, user, item='item-001')
    if kind == 'reviews' and s.r.random() < 0.5:
        return avro.review('wild-%d' % k, ts, user, 'great', rating=5.0)
    return s.r.randbytes(s.r.choice((0, 1, 5, 40, 300, 1000, 900000 if s.r.random() < 0.1 else 2000))) + b'\xff' * 9


def spoilt(s):
    """the next slice, and among it one record in ten that is poison; glintctl refuses to send such, so they are sent by hand"""
    for kind in AT:
        for k in range(len(s.slices[AT[kind]][s.fed]) // 9 + 1):
            p = s.r.randrange(s.partitions)
            user = user_in(p, s.partitions)
            s.client_.send(s.topic(kind), poison(s, kind, user, k), user.encode(), p)
            s.poison[s.topic(kind), p] = s.poison.get((s.topic(kind), p), 0) + 1
    s.feed()
    s.client_.flush()


@case
def poison_and_repeats(t):
    'A tenth of the records is poison, more are repeats, late or from -1 to +100 years, topics are sent again whole, processes die: each has its one counter.'
    s = Fleet(t, SEED + 31, names='ab', partitions=4, slices=ROUNDS + 1, events=ROUNDS * 1500, spoil=True)
    s.client_ = s.client(message_max_bytes=1 << 20)
    s.start_all()
    for k in range(ROUNDS):
        spoilt(s)
        name = s.r.choice(s.names)
        s.kill(name)
        s.start(name)
    s.feed_rest()
    s.ready()
    counts = s.judged()
    applied = counts.total('applied')
    say('poison, impossible times, late and repeated records', ', '.join('%s %d' % (n, counts.total(n)) for n in
        ('applied', 'duplicate', 'late', 'dead_lettered')) + ' in glint_records_total', log_line(s.daemons['a'], 'sent to .*dead-letter'))
    for path in list(s.files):  # all of it once more
        s.fill(next(k for k in AT if os.path.basename(path).startswith(k)), path)
        if s.r.random() < 0.3:
            name = s.r.choice(s.names)
            s.kill(name)
            s.start(name)
    s.ready()
    counts = s.judged()
    assert counts.total('applied') == applied, (counts.total('applied'), applied)
    say('every topic sent again', 'nothing more is applied; duplicate %d, late %d' % (counts.total('duplicate'), counts.total('late')))


@case
def retention_of_a_second(t):
    'On a broker that keeps records for 1 s by default a year old history is counted whole, with processes killed meanwhile.'
    kafka = t.own_kafka('log.retention.ms=1000\nlog.retention.check.interval.ms=1000\nlog.segment.delete.delay.ms=100\nlog.initial.task.delay.ms=500\n')
    s = Fleet(t, SEED + 32, names='ab', partitions=4, slices=ROUNDS + 1, events=ROUNDS * 1000, brokers=kafka.address, create=False)
    client = s.client()
    for kind in AT:
        client.create_topic(s.topic(kind), 4, retention_ms=-1)
    canary = s.topic('canary')
    client.create_topic(canary, 1)
    client.send(canary, b'old', None, 0)
    client.flush()

    def there():
        try:
            return all(client.bounds(s.topic(k), p) for k in AT for p in range(4))
        except RuntimeError:
            return False
    wait_for(there, 60, 'the inputs have leaders')
    s.start_all()
    for _ in range(ROUNDS):
        s.feed()
        name = s.r.choice(s.names)
        s.kill(name)
        s.start(name)
    wait_for(lambda: client.bounds(canary, 0)[0] == 1, 60, 'the broker deletes what is older than a second', 0.2)
    s.feed_rest()
    s.ready()
    for name in s.names:
        s.kill(name)
    for name in s.names:
        s.start(name)
    s.ready(limit=READY_S)
    s.judged()
    say('a broker that keeps 1 s by default', 'nothing; topics of glint have retention.ms=-1 of their own')


print('# FAULTS=%s SEED=%d' % ('full' if FULL else 'short', SEED), flush=True)
main(at_once=1 if FULL else 2)
