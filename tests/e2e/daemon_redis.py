#!/usr/bin/env python3
"""Redis beside the runtime on a real Kafka: away, wiped, refusing; with users, passwords, sockets and database numbers."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from shop import DAY, START, Shop
from stage import INPUTS, Counts, Stage, redis_equals


def records_of(daemon):
    return sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total{'))


def in_parts(seed, n, **how):
    days = how.pop('days', 6)
    sent = Shop(seed=seed, days=days, **how).traffic()
    step = days * DAY // n
    return [[[e for e in events if min(n - 1, (e['ts'] - START) // step) == k] for events in sent] for k in range(n)]


def fill(s, part):
    for kind, events in zip(INPUTS, part):
        s.fill(kind, events)


@case
def killed_and_restarted(t):
    'With Redis dead consuming goes on and memory stays flat; when it is back, the newest values appear.'
    s = Stage(t)
    parts = in_parts(51, 3, users=600, items=100, events=12000)
    fill(s, parts[0])
    daemon = s.daemon()
    s.settled()
    done, resident = records_of(daemon), rss_kib(daemon.pid)
    s.redis.stop('KILL')
    wait_for(lambda: daemon.http('/readyz')[0] == 503, 60, 'not ready without Redis')
    assert 'redis' in daemon.http('/readyz')[1].lower()
    fill(s, parts[1])
    sent = sum(len(p) for p in parts[0] + parts[1])
    wait_for(lambda: records_of(daemon) == sent, 60, 'everything is consumed without Redis (%d before)' % done)
    assert daemon.http('/livez')[0] == 200
    # the same shoppers and items again: only their marks wait, no value does
    grown = rss_kib(daemon.pid) - resident
    assert grown < 40 * 1024, '%d KiB more' % grown
    s.redis.start()
    wait_for(lambda: daemon.http('/readyz')[0] == 200, 60, 'ready again')
    fill(s, parts[2])
    dump = s.settled().dump()
    s.same_counts(dump)
    redis_equals(s.redis.client(), Counts(dump))


@case
def wiped(t):
    'After FLUSHALL in mid-run everything is published anew, key for key.'
    s = Stage(t, items=True)
    s.fill_shop(Shop(seed=52))
    s.daemon()
    s.settled()
    db = s.redis.client()
    redis_equals(db, Counts(s.dump()))

    def keys():
        return set(db.keys('glint:*'))

    def running(names):  # lists of sessions: one that is over by then is not shown again
        return {k for k in names if k.startswith('glint:next:')}
    before = keys()
    assert len(before) > 300, len(before)
    db.do('FLUSHALL')
    wait_for(lambda: before - running(before) <= keys(), 60, 'all keys are back', 0.2)
    s.settled()
    after = keys()
    missing, more = before - running(before) - after, after - before
    assert not missing and not more, (sorted(missing)[:5], sorted(more)[:5])
    redis_equals(db, Counts(s.dump()))


@case
def acl_user_with_a_password_file(t):
    'A user with a password from a file, allowed its own keys only, is enough; a wrong password is told in /readyz, without the password.'
    redis = t.redis()
    db = redis.client()
    db.do('ACL', 'SETUSER', 'shop', 'on', '>s3cret', '~glint:*', '&glint:*', '+@all', '-@admin', '-@dangerous')
    db.do('ACL', 'SETUSER', 'default', '-@all', '+acl', '+ping', '+auth')
    with open(t.path('password'), 'w') as f:
        f.write('not-it\n')
    s = Stage(t, redis={'url': 'redis://shop@127.0.0.1:%d/0' % redis.port, 'password_file': t.path('password')})
    s.fill_shop(Shop(seed=53, events=1500))
    daemon = s.daemon(start=False).start(ready=False)
    wait_for(lambda: 'WRONGPASS' in daemon.http('/readyz')[1] or 'password' in daemon.http('/readyz')[1], 60, 'the refusal is told')
    assert daemon.http('/readyz')[0] == 503
    assert daemon.term() == 0
    assert 'not-it' not in daemon.log_text(), daemon.log_tail()
    with open(t.path('password'), 'w') as f:
        f.write('s3cret\n')
    daemon.start()
    s.settled()
    assert 's3cret' not in daemon.log_text()
    reader = redis.client()
    reader.do('AUTH', 'shop', 's3cret')
    assert reader.keys('glint:together:*')
    assert not re.search('NOPERM|refused', daemon.log_text()), daemon.log_tail()


@case
def unix_socket_and_database(t):
    'Through a unix socket and into the database of the URL, and into no other.'
    redis = t.redis()
    if len(redis.path) > 100:
        link = '/tmp/%s.sock' % t.prefix  # a socket address holds 107 bytes
        os.symlink(redis.path, link)
        t.ends.callback(os.unlink, link)
    else:
        link = redis.path
    s = Stage(t, redis='unix://%s?db=3' % link)
    s.fill_shop(Shop(seed=54, events=1500))
    s.daemon()
    s.settled()
    db = redis.client()
    assert db.do('DBSIZE') == 0
    db.do('SELECT', 3)
    assert db.do('EXISTS', 'glint:meta') == 1 and db.keys('glint:together:*')
    redis_equals(db, Counts(s.dump()))


@case
def read_only(t):
    'A Redis that turned into a replica is told in /readyz; when it is a master again, the newest values appear.'
    s = Stage(t)
    parts = in_parts(55, 2, events=3000)
    fill(s, parts[0])
    daemon = s.daemon()
    s.settled()
    db = s.redis.client()
    db.do('REPLICAOF', '127.0.0.1', '1')
    fill(s, parts[1])
    wait_for(lambda: 'READONLY' in daemon.http('/readyz')[1], 60, '/readyz says READONLY')
    assert daemon.http('/readyz')[0] == 503
    db.do('REPLICAOF', 'NO', 'ONE')
    wait_for(lambda: daemon.http('/readyz')[0] == 200, 60, 'ready again')
    dump = s.settled().dump()
    s.same_counts(dump)
    redis_equals(db, Counts(dump))


@case
def out_of_memory(t):
    'A Redis out of memory is told in /readyz; when it has room again, the newest values appear.'
    s = Stage(t)
    parts = in_parts(56, 2, events=3000)
    fill(s, parts[0])
    daemon = s.daemon()
    s.settled()
    db = s.redis.client()
    db.do('CONFIG', 'SET', 'maxmemory', '1mb')
    fill(s, parts[1])
    wait_for(lambda: 'OOM' in daemon.http('/readyz')[1], 60, '/readyz says OOM')
    assert daemon.http('/readyz')[0] == 503
    db.do('CONFIG', 'SET', 'maxmemory', '0')
    wait_for(lambda: daemon.http('/readyz')[0] == 200, 60, 'ready again')
    dump = s.settled().dump()
    s.same_counts(dump)
    redis_equals(db, Counts(dump))


main(at_once=3)
