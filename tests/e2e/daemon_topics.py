#!/usr/bin/env python3
"""Topics and brokers as glintd finds them on a real Kafka: what is wrong is refused by name, what is away is waited for."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from shop import DAY, START, Shop
from stage import INPUTS, Stage


def refused(s, *words):
    """glintd ends with 78 and a sentence that has these words"""
    daemon = s.daemon(start=False)
    if os.path.exists(daemon.log_path):
        os.unlink(daemon.log_path)
    code = daemon.start(ready=False).wait()
    text = daemon.log_text()
    assert code == 78, (code, text)
    for word in words:
        assert word in text, (word, text)


def stage(t, **how):
    """a stage whose topics the case makes by itself"""
    return Stage(t, redis=False, create=False, **how)


def make(client, name, partitions, **settings):
    """a topic, once the broker tells of it"""
    client.create_topic(name, partitions, **settings)

    def there():
        try:
            return [client.bounds(name, p) for p in range(partitions)]
        except RuntimeError:
            return None
    wait_for(there, 60, name + ' is there')


def inputs(s, client, counts=(4, 4, 4)):
    for kind, partitions in zip(INPUTS, counts):
        if partitions:
            make(client, s.topic(kind), partitions)


@case
def unequal_partition_counts(t):
    'Inputs with unequal partition counts are refused with both names and numbers.'
    s = stage(t)
    inputs(s, s.client(), (4, 3, 4))
    refused(s, "topic '%s' has 4 partitions but '%s' has 3" % (s.topic('clicks'), s.topic('purchases')))


@case
def a_missing_input(t):
    'An input topic that does not exist is named, with the option that names it; the catalogue too.'
    s = stage(t, items=True)
    client = s.client()
    inputs(s, client, (4, 4, 0))
    refused(s, "topic '%s' does not exist" % s.topic('reviews'), "'topics.reviews'", 'glintctl topics create')
    inputs(s, client, (0, 0, 4))
    refused(s, "topic '%s' does not exist" % s.topic('items'), "'topics.items'")


@case
def internal_topics_that_differ(t):
    'A topic of the group with another partition count, cleanup.policy or retention is refused by name, and what mends it is said.'
    for name, partitions, settings, words in (
            ('user-rows', 3, {'cleanup_policy': 'compact', 'retention_ms': -1}, ('has 3 partitions but the inputs have 4', 'group.id')),
            ('model', 2, {'cleanup_policy': 'compact', 'retention_ms': -1}, ('has 2 partitions but must have one',)),
            ('item-rows', 4, {'cleanup_policy': 'delete', 'retention_ms': -1},
             ("cleanup.policy is 'delete' but must be 'compact'", 'kafka-configs.sh --alter')),
            ('item-repartition', 4, {'cleanup_policy': 'compact', 'retention_ms': -1}, ("cleanup.policy is 'compact' but must be 'delete'",)),
            ('item-repartition', 4, {'retention_ms': 3600000}, ("retention.ms is '3600000' but must be '-1'",))):
        t.prefix = 't%08x' % random.SystemRandom().getrandbits(32)
        s = stage(t)
        client = s.client()
        inputs(s, client)
        make(client, '%s-%s' % (t.prefix, name), partitions, **settings)
        refused(s, "topic '%s-%s'" % (t.prefix, name), *words)


@case
def one_name_for_two(t):
    'Of two processes with one instance name the older ends with 78 and says so; the younger counts everything once.'
    s = Stage(t)
    clicks, orders, reviews = Shop(seed=71).traffic()
    s.fill('clicks', clicks)
    older = s.daemon()
    s.fill('purchases', orders)
    younger = s.daemon(start=False)
    younger.log_path += '.2'
    younger.start(ready=False)
    assert older.wait() == 78, older.log_tail()
    said = [line for line in older.log_text().splitlines() if "another glintd runs as instance 'a' of group '%s'" % t.prefix in line]
    assert len(said) == 1 and '--instance' in said[0], older.log_tail()
    younger.wait_ready()
    s.fill('reviews', reviews)
    s.same_counts(s.settled().dump())
    assert younger.term() == 0, younger.log_tail()


@case
def a_broker_that_comes_and_goes(t):
    'A broker that is away at the start is waited for by name; one that is killed amid the stream makes glintd not ready, not dead: each record is counted once.'
    kafka = t.own_kafka()
    s = Stage(t, brokers=kafka.address, glint={'commit_interval': '2s'})
    kafka.stop()
    daemon = s.daemon(start=False).start(ready=False)
    daemon.wait_log('no answer from Kafka at %s .*trying again' % re.escape(kafka.address))
    status, body = daemon.http('/readyz')
    assert status == 503 and kafka.address in body, (status, body)
    assert daemon.http('/livez')[0] == 200
    kafka.start()
    daemon.wait_ready()

    sent = Shop(seed=73, users=1000, items=100, days=8, events=20000).traffic()
    cut = START + 4 * DAY  # in time: an order finds the touches before it
    part = [[[e for e in events if e['ts'] < cut], [e for e in events if e['ts'] >= cut]] for events in sent]

    def counted():
        return sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total{') and 'outcome="applied"' in k)
    for kind, events in zip(INPUTS, part):
        s.fill(kind, events[0])
    s.settled()
    before = counted()
    for kind, events in zip(INPUTS, part):
        s.fill(kind, events[1])
    wait_for(lambda: counted() > before, 60, 'more records are counted', 0.01)
    kafka.stop('KILL')  # what came within the last 2 s is not committed
    wait_for(lambda: daemon.http('/readyz')[0] == 503, 60, 'it is not ready')
    assert daemon.http('/livez')[0] == 200
    kafka.start()
    daemon.wait_ready()
    s.same_counts(s.settled().dump())
    anew = 'made anew from the last commit' in daemon.log_text()
    print('the open transaction was %s' % ('lost with the broker, its records processed again' if anew else 'kept'))
    assert daemon.process.poll() is None and counted() == sum(map(len, sent)), (counted(), sum(map(len, sent)))


main()
