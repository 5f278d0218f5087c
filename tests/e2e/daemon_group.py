#!/usr/bin/env python3
"""Several glintd in one group on a real Kafka: the work is shared, the counts are one process's."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from rdkafka import Client
from shop import DAY, START, Shop
from stage import INPUTS, Counts, Stage


def owned(daemon):
    status, body = daemon.http('/metrics')
    return metrics_of(body).get('glint_partitions{state="running"}', 0) if status == 200 else 0


def records_of(daemon):
    return sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total{'))


def all_assigned(daemons, partitions):
    """every process runs something, and together they run everything"""
    wait_for(lambda: all(owned(d) > 0 for d in daemons) and sum(map(owned, daemons)) == partitions, 60, 'every process has its share')


def shared(s, fill):
    """three processes, filled when each has its partitions; returns the Counts that are the independent ones"""
    daemons = [s.daemon(name, start=False).start(ready=False) for name in 'abc']
    for d in daemons:
        d.wait_ready()
    all_assigned(daemons, s.partitions)
    fill()
    s.settled(200)
    total = sum(map(records_of, daemons))
    shares = [records_of(d) / total for d in daemons]
    assert min(shares) >= 0.1, shares
    dump = s.dump()
    # biases: a step of a shopper uses its process's newest row of the item (and the mean), which is at most model_interval and a commit
    # old; how old differs from run to run, and while a whole history is replayed in seconds that is a good part of it
    s.same_counts(dump, tolerance=0.5)
    counts = Counts(dump)
    assert sum(counts.counters.values()) == total, (total, counts.counters)
    return counts, daemons


@case
def three_processes(t):
    'Three processes that applied at least 10 percent each count what one would, and the counters add up over them.'
    s = Stage(t, partitions=6)
    shared(s, lambda: s.fill_shop(Shop(seed=41, users=1500, items=120, events=20000)))


@case
def shared_files(t):
    'Of the shared clicks and clothing reviews three processes count what the independent script does.'
    files = [(k, shared_data(n + '.jsonl.gz')) for k, n in (('clicks', 'eshop-clicks'), ('reviews', 'clothing-reviews'))]
    s = Stage(t, itemsets={'window': 0})

    def fill():
        for kind, path in files:
            s.fill(kind, path)
    shared(s, fill)


@case
def they_come_and_go(t):
    'While records flow processes join, one is killed and one leaves; the counts are the independent ones.'
    s = Stage(t, partitions=6, kafka={'session.timeout.ms': 6000}, glint={'snapshot_interval': '1s', 'commit_interval': '50ms'})
    sent = Shop(seed=42, users=1500, items=120, days=8, events=24000).traffic()
    step = 8 * DAY // 4
    parts = [[[e for e in events if min(3, (e['ts'] - START) // step) == k] for events in sent] for k in range(4)]

    def fill(k):
        for kind, events in zip(INPUTS, parts[k]):
            s.fill(kind, events)
    a = s.daemon('a')
    fill(0)
    b = s.daemon('b', start=False).start(ready=False)
    fill(1)
    all_assigned([a, b], 6)
    a.kill9()
    fill(2)
    c = s.daemon('c', start=False).start(ready=False)
    wait_for(lambda: owned(b) + owned(c) == 6, 60, 'b and c own everything')
    fill(3)
    assert c.term() == 0, c.log_tail()
    a.start(ready=False)
    wait_for(lambda: owned(a) + owned(b) == 6, 60, 'a and b own everything')
    s.settled(200)
    dump = s.dump()
    s.same_counts(dump)


@case
def two_of_one_name(t):
    'Of two live processes with one name the older ends with 78 and a sentence, and the newer counts on.'
    s = Stage(t)
    sent = Shop(seed=43).traffic()
    s.fill('clicks', sent[0])
    old = s.daemon('twin')
    new = s.daemon('twin', start=False)
    new.log_path = t.path('twin-newer.log')
    new.start(ready=False)
    assert old.wait() == 78
    assert "another glintd runs as instance 'twin'" in old.log_text(), old.log_tail()
    s.fill('purchases', sent[1])
    s.fill('reviews', sent[2])
    new.wait_ready()
    assert new.http('/readyz')[0] == 200
    s.same_counts(s.settled().dump())


def a_stranger_joins_as(s, daemon):
    """until the group has refused the daemon, as it does when the answer to a join of its own was lost"""
    topics = [s.topic(kind) for kind in INPUTS] + [s.t.prefix + '-item-repartition']

    def refused():
        other.poll()
        return daemon.process.poll() is not None or 'nobody else has its name' in daemon.log_text()
    # it must not commit what it reads: the group's offsets are the daemon's own
    with Client(s.brokers, consumer=True, group_id=s.t.prefix, group_instance_id=daemon.name, session_timeout_ms=6000, enable_auto_commit='false',
                partition_assignment_strategy='range') as other:
        other.member_of(topics)
        wait_for(refused, 60, 'the group has refused it')
    assert daemon.process.poll() is None, daemon.log_tail()


@case
def refused_by_the_group_alone(t):
    'A process that the group refuses as of a name taken, while nobody has taken its transactions, joins anew and counts each record once.'
    s = Stage(t)
    sent = Shop(seed=47).traffic()
    s.fill('clicks', sent[0])
    daemon = s.daemon('lone')
    a_stranger_joins_as(s, daemon)
    s.fill('purchases', sent[1])
    s.fill('reviews', sent[2])
    daemon.wait_ready()
    s.same_counts(s.settled().dump())
    assert daemon.term() == 0, daemon.log_tail()


@case
def refused_without_partitions(t):
    'A process that owns nothing, and so commits nothing, joins anew, too, when the group alone refuses it; it takes over when it is its turn.'
    s = Stage(t, partitions=1, kafka={'session.timeout.ms': 6000})
    sent = Shop(seed=48).traffic()
    owner, idle = s.daemon('a'), s.daemon('b', start=False).start(ready=False)
    s.fill('clicks', sent[0])
    idle.wait_log(r'assigned 0 of 1 partitions')
    wait_for(lambda: owned(owner) == 1, 60, 'the first one owns all')
    a_stranger_joins_as(s, idle)
    idle.wait_ready()
    s.fill('purchases', sent[1])
    wait_for(lambda: owned(owner) == 1 and owned(idle) == 0, 60, 'each has what it had')
    owner.kill9()
    s.fill('reviews', sent[2])
    wait_for(lambda: owned(idle) == 1, 60, 'it has taken over')
    s.same_counts(s.settled().dump())
    assert idle.term() == 0, idle.log_tail()


main(at_once=3)
