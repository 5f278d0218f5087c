#!/usr/bin/env python3
"""wait and replay on the embedded broker, the test standing in for the daemon: what it commits and writes is what they go by."""
import subprocess
import sys
import threading
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from rdkafka import Client, MockBroker

INPUTS = ('clicks', 'purchases', 'reviews')


class Stage:
    """a broker with 2 partitions (or more), a Redis, and the state of a group that is caught up"""

    def __init__(self, t, partitions=2):
        self.t, self.partitions, self.redis = t, partitions, t.redis()
        self.topics = {k: '%s-%s' % (t.prefix, k) for k in INPUTS}
        self.shuffle, self.alerts = t.prefix + '-item-repartition', t.prefix + '-alerts'
        broker = MockBroker({**{v: partitions for v in self.topics.values()}, self.shuffle: partitions, self.alerts: 1})
        t.ends.callback(broker.stop)
        self.config = t.config(brokers=broker.address, redis=self.redis, glint={'guarantee': 'at_least_once'})
        self.client = t.ends.enter_context(Client(broker.address))
        self.group = t.ends.enter_context(Client(broker.address, consumer=True, group_id=t.prefix))
        self.db = self.redis.client()

    def send(self, topic, partition, n):
        for _ in range(n):
            self.client.send(topic, b'x', b'k', partition)
        self.client.flush()

    def task(self, name, **fields):
        self.db.do('HSET', 'glint:task:' + name, *[x for pair in fields.items() for x in pair])

    def ends(self, topic):
        return [self.group.bounds(topic, p)[1] for p in range(self.partitions)]

    def catch_up(self, watermark=5000):
        """commits and writes all that a daemon at rest would have"""
        ends = {k: self.ends(v) for k, v in self.topics.items()}
        shuffle = self.ends(self.shuffle)
        for name, of in [(v, ends[k]) for k, v in self.topics.items()] + [(self.shuffle, shuffle)]:
            self.group.commit({(name, p): of[p] for p in range(self.partitions)})
        for p in range(self.partitions):
            self.task('u%d' % p, epoch=1, shown=','.join(str(ends[k][p]) for k in INPUTS), watermark=watermark - p, at_end=1)
            self.task('i%d' % p, epoch=1, shown=shuffle[p], watermark=watermark)
        self.task('i0', group_watermark=watermark, alerts=self.group.bounds(self.alerts, 0)[1])

    def fill(self):
        for p in range(self.partitions):
            self.send(self.topics['clicks'], p, 10 + p)
            self.send(self.topics['reviews'], p, 5)
            self.send(self.shuffle, p, 7)
        self.send(self.alerts, 0, 2)

    def wait(self, timeout='0.2'):
        return self.t.ctl(self.config, 'wait', '--caught-up', '--timeout', timeout, check=False)

    def lags(self, *words):
        done = self.wait()
        assert done.returncode == 75, (done.returncode, done.stderr)
        for word in words:
            assert word in done.stderr, (word, done.stderr)


@case
def caught_up(t):
    'wait returns 0 when everything is committed, shown and as far in time as the group.'
    s = Stage(t)
    s.fill()
    s.catch_up()
    done = s.wait('60')
    assert done.returncode == 0, done.stderr


@case
def names_what_lags(t):
    'When one thing lags, wait ends with 75 and names that thing.'
    s = Stage(t)
    s.fill()
    s.lags("'%s', partition 0: nothing is committed of 10" % s.topics['clicks'], 'glintd')
    s.catch_up()
    for undo, words in (
            (lambda: s.group.commit({(s.topics['reviews'], 1): 4}), ("'%s', partition 1: committed 4 of 5" % s.topics['reviews'],)),
            (lambda: s.group.commit({(s.shuffle, 0): 6}), ("'%s', partition 0: committed 6 of 7" % s.shuffle,)),
            (lambda: s.task('u1', shown='11,-1,4'), ("user task u1 shows '%s' up to 4 of 5" % s.topics['reviews'],)),
            (lambda: s.task('u0', at_end=0), ('user task u0',)),
            (lambda: s.task('i1', shown=6), ("item task i1 shows '%s' up to 6 of 7" % s.shuffle,)),
            (lambda: s.task('i1', watermark=4999), ('item task i1 has the watermark 4999',)),
            (lambda: s.task('i0', group_watermark=4999), ("the group's watermark is 4999 of 5000",)),
            (lambda: s.task('i0', alerts=1), ('alerts are in Redis up to 1 of 2',)),
            (lambda: s.db.do('DEL', 'glint:task:i1'), ('task i1 has written nothing to Redis',))):
        undo()
        s.lags(*words)
        s.catch_up()
        assert s.wait('60').returncode == 0


@case
def empty_inputs(t):
    'Partitions that never had a record need no commit.'
    s = Stage(t)
    for p in range(s.partitions):
        s.task('u%d' % p, epoch=1, shown='0,0,0', at_end=1, watermark=0)
        s.task('i%d' % p, epoch=1, shown=0, watermark=0)
    s.task('i0', group_watermark=0)
    done = s.wait('60')
    assert done.returncode == 0, done.stderr


@case
def returns_when_it_comes(t):
    'wait goes on looking, and returns as soon as all is there.'
    s = Stage(t)
    s.fill()
    later = threading.Timer(0.3, s.catch_up)
    later.start()
    done = s.wait('60')
    later.join()
    assert done.returncode == 0, done.stderr


@case
def redis_is_gone(t):
    'Without Redis, wait ends with 69 and says where it looked.'
    s = Stage(t)
    s.redis.stop()
    done = s.wait()
    assert done.returncode == 69 and 'Redis at 127.0.0.1:%d/0' % s.redis.port in done.stderr, done.stderr


@case
def replay_does_not_run_ahead(t):
    'On the embedded broker a replay waits for the group, so that no record is dropped before it was committed.'
    s = Stage(t, partitions=1)
    topic, text = s.topics['reviews'], 'x' * 900
    path = write_jsonl(t.path('long.jsonl'), ({'event_id': 'e%d' % i, 'ts': 1000 + i, 'user_id': 'u', 'item_id': 'i', 'text': text + str(i * 7919)}
                                              for i in range(15000)))
    run = subprocess.Popen([os.path.join(BUILD, 'glintctl'), 'replay', '--config', s.config, path, '--topic', 'reviews', '--json'],
                           stdout=subprocess.PIPE, text=True)
    seen, committed, looks = 0, 0, 0
    while run.poll() is None:
        low, high = s.group.bounds(topic, 0)
        assert low <= committed, 'records from %d on are gone, %d were committed' % (low, committed)
        assert high - committed <= 2200, high - committed  # 2 MiB of them, some more for what compresses
        looks += high > seen
        if high > committed and high == seen:  # stands still: let it go on
            s.group.commit({(topic, 0): high})
            committed = high
        seen = high
    assert run.returncode == 0 and json.loads(run.stdout.read())['records'] == 15000
    assert s.group.bounds(topic, 0)[1] == 15000 and looks > 5


main()
