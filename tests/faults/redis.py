#!/usr/bin/env python3
"""What can happen to Redis and on the way to it, with two glintd on a real Kafka: consuming goes on, and Redis ends equal to what is counted.

FAULTS=full (make test-faults): every fault, twice, in a seeded order. Else seven of them. SEED=n repeats a run.
"""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from fleet import *

TIMES = 2 if FULL else 1
FAULTS = []


def fault(function):
    FAULTS.append(function)
    return function


def records_of(s):
    return sum(v for d in s.living() for k, v in d.metrics().items() if k.startswith('glint_records_total{'))


def consumed_meanwhile(s):
    """a slice is sent and consumed whatever Redis does"""
    before = records_of(s)
    n = sum(len(part[s.fed]) for part in s.slices)
    s.feed()
    wait_for(lambda: records_of(s) >= before + n, 60, '%d records are consumed without Redis' % n)


def told(s, word, timeout=30):
    return refused(s.living(), word, timeout)


def logged(s, pattern, since):
    return next((x for x in (log_line(d, pattern, since[d.name]) for d in s.living()) if x), None)


@fault
def killed(s):
    s.redis.stop('KILL')
    seen = told(s, '')
    consumed_meanwhile(s)
    s.redis.start()
    return seen


@fault
def slow(s):
    s.way.be('delay', 0.3)
    consumed_meanwhile(s)
    s.way.be('pass')


@fault
def throttled(s):
    s.way.be('throttle', 20000)
    consumed_meanwhile(s)
    s.way.be('pass')


@fault
def one_byte_at_a_time(s):
    s.way.be('bytes')
    consumed_meanwhile(s)
    s.way.be('pass')


@fault
def black_hole(s):
    s.way.be('black_hole')
    consumed_meanwhile(s)
    seen = told(s, '')
    s.way.be('pass')
    return seen


@fault
def half_open(s):
    s.way.be('half_open')
    consumed_meanwhile(s)
    s.way.be('pass')


@fault
def reset(s):
    s.way.be('reset')
    consumed_meanwhile(s)
    seen = told(s, '')
    s.way.be('pass')
    return seen


@fault
def reply_lost_after_send(s):
    before = s.way.lost
    s.way.be('lose_replies', 0.05)
    consumed_meanwhile(s)
    wait_for(lambda: s.way.lost > before, 60, 'a reply is lost')
    s.way.be('pass')


@fault
def out_of_memory(s):
    db = s.redis.client()
    db.do('CONFIG', 'SET', 'maxmemory', '1mb')
    consumed_meanwhile(s)
    seen = told(s, 'OOM')
    db.do('CONFIG', 'SET', 'maxmemory', '0')
    return seen


@fault
def read_only(s):
    db = s.redis.client()
    db.do('REPLICAOF', '127.0.0.1', '1')
    consumed_meanwhile(s)
    seen = told(s, 'READONLY')
    db.do('REPLICAOF', 'NO', 'ONE')
    return seen


@fault
def loading(s):
    'comes back with a large file to load'
    s.redis.client().do('SAVE')
    s.redis.stop('KILL')
    keep, s.redis.args = s.redis.args, '--key-load-delay 10000 --loading-process-events-interval-bytes 1024'
    s.redis.start()
    seen = told(s, 'LOADING')
    s.redis.client().do('CONFIG', 'SET', 'key-load-delay', '0')
    s.redis.args = keep
    consumed_meanwhile(s)
    os.unlink(os.path.join(s.redis.folder, 'dump.rdb'))
    return seen


@fault
def flushed(s):
    consumed_meanwhile(s)
    s.settled(120)
    s.redis.client().do('FLUSHALL')


@fault
def failed_over_to_a_replica_that_lags(s):
    other = s.t.redis()
    db = other.client()
    db.do('REPLICAOF', '127.0.0.1', s.redis.port)
    wait_for(lambda: 'master_link_status:up' in db.do('INFO', 'replication'), 60, 'the replica is in step')
    db.do('REPLICAOF', 'NO', 'ONE')  # what comes from now on it misses
    consumed_meanwhile(s)
    s.settled(120)
    s.way.target = other.port
    s.way.reset_all()
    s.move_to(other)


class WithRedis(Fleet):
    def move_to(self, redis):
        """the tools look there from now on"""
        with open(self.config) as f:
            text = f.read()
        with open(self.config, 'w') as f:
            f.write(text.replace(self.redis.url, redis.url))
        self.redis = redis


@case
def redis_faults(t):
    'Whatever happens to Redis or on the way to it, consuming goes on, no alert is lost or doubled, and Redis ends equal to what is counted.'
    r = random.Random(SEED)
    chosen = [f for _ in range(TIMES) for f in r.sample(FAULTS, len(FAULTS) if FULL else 7)]
    s = WithRedis(t, SEED + 11, names='ab', slices=len(chosen) + 1, events=len(chosen) * 500, partitions=4)
    s.way = s.proxy(s.redis.port)
    s.through(redis=s.way)
    s.start_all()
    s.feed()
    s.settled(120)
    memory = sum(rss_kib(d.pid) for d in s.living())
    for f in chosen:
        since = {d.name: len(d.log_text()) for d in s.living()}
        errors = sum(v for d in s.living() for k, v in d.metrics().items() if k.startswith('glint_redis_errors_total'))
        seen = f(s)
        took = s.ready(limit=READY_S)
        s.judged()
        more = sum(v for d in s.living() for k, v in d.metrics().items() if k.startswith('glint_redis_errors_total')) - errors
        say('Redis: ' + f.__name__.replace('_', ' '), seen, logged(s, 'edis', since), 'glint_redis_errors_total +%d' % more,
            'ready again %.1f s after its end' % took)
    assert s.alerts()
    say('%d faults of Redis' % len(chosen), '%d KiB more memory of two processes' % (sum(rss_kib(d.pid) for d in s.living()) - memory),
        s.said)


print('# FAULTS=%s SEED=%d' % ('full' if FULL else 'short', SEED), flush=True)
main()
