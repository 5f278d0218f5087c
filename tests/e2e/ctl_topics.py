#!/usr/bin/env python3
"""Topics on a real Kafka: created as the contract says, refused by name when they are not."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from rdkafka import Client

INTERNAL = ('item-repartition', 'user-rows', 'item-rows', 'model', 'control', 'alerts', 'dead-letter')


def setup(t, **sections):
    """(brokers, configuration, names of clicks, purchases, reviews)"""
    brokers = t.kafka()
    config = t.config(brokers=brokers, redis='redis://127.0.0.1:1/0', **sections)
    return brokers, config, ['%s-%s' % (t.prefix, k) for k in ('clicks', 'purchases', 'reviews')]


def create(t, config, *args):
    return t.ctl(config, 'topics', 'create', *args, check=False)


def refused(done, code, *words):
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, (word, done.stderr)


@case
def creates_what_is_missing(t):
    'topics create makes the inputs and the six topics of the group once, and says what it did.'
    _, config, inputs = setup(t, topics={'items': t.prefix + '-items'})
    rows = t.ctl_json(config, 'topics', 'create', '--partitions', '3')
    counts = {r['topic']: r['partitions'] for r in rows}
    assert all(r['created'] for r in rows), rows
    assert [counts[i] for i in inputs] == [3, 3, 3]
    assert {k: counts[t.prefix + '-' + k] for k in INTERNAL} == {
        'item-repartition': 3, 'user-rows': 3, 'item-rows': 3, 'model': 1, 'control': 1, 'alerts': 1, 'dead-letter': 3}
    what = {r['topic'][len(t.prefix) + 1:]: r['what'] for r in rows}
    assert (what['alerts'], what['dead-letter'], what['model'], what['control']) == (
        'alerts', 'records that cannot be read', 'what stages know of each other', 'what people exclude, boost and pin'), what
    assert not any(r['created'] for r in t.ctl_json(config, 'topics', 'create'))


@case
def a_missing_input_takes_the_count_of_the_others(t):
    'An input that is missing is made with as many partitions as the others have.'
    brokers, config, inputs = setup(t)
    with Client(brokers) as client:
        client.create_topic(inputs[0], 5)
    rows = {r['topic']: r for r in t.ctl_json(config, 'topics', 'create')}
    assert not rows[inputs[0]]['created'] and rows[inputs[1]]['created'] and rows[inputs[1]]['partitions'] == 5
    refused(create(t, config, '--partitions', '4'), 78, 'have 5 partitions', 'with 4')


@case
def unequal_counts_are_refused(t):
    'Inputs with unequal partition counts are refused by name.'
    brokers, config, inputs = setup(t)
    with Client(brokers) as client:
        for name, partitions in zip(inputs, (4, 4, 3)):
            client.create_topic(name, partitions)
    refused(create(t, config), 78, "topic '%s' has 4 partitions but '%s' has 3" % (inputs[0], inputs[2]))


@case
def a_wrong_policy_is_refused(t):
    'A topic of the group with a policy that would lose rows is refused, with the command that mends it.'
    brokers, config, _ = setup(t)
    with Client(brokers) as client:
        client.create_topic(t.prefix + '-user-rows', 4, cleanup_policy='delete', retention_ms=-1)
    refused(create(t, config), 78, "topic '%s-user-rows': cleanup.policy is 'delete' but must be 'compact'" % t.prefix, 'kafka-configs.sh')


@case
def a_retention_is_refused(t):
    'A repartition topic that a broker would empty by age is refused.'
    brokers, config, _ = setup(t)
    with Client(brokers) as client:
        client.create_topic(t.prefix + '-item-repartition', 4, retention_ms=604800000)
    refused(create(t, config), 78, "retention.ms is '604800000' but must be '-1'")


@case
def a_changed_count_is_refused(t):
    'When the inputs got more partitions than the topics of the group have, the way out is named.'
    brokers, config, inputs = setup(t)
    with Client(brokers) as client:
        for name in inputs:
            client.create_topic(name, 8)
        client.create_topic(t.prefix + '-item-repartition', 4, retention_ms=-1)
    refused(create(t, config), 78, 'has 4 partitions but the inputs have 8', 'group.id')


def fill(client, topic, n=400, key='user%d', **how):
    for i in range(n):
        client.send(topic, b'x', key and (key % i).encode(), **how)
    client.flush()


@case
def differing_partitioners_are_refused(t):
    'Inputs that were written with different partitioners are refused by name.'
    brokers, config, inputs = setup(t)
    create(t, config).check_returncode()
    with Client(brokers, partitioner='murmur2_random') as java, Client(brokers, partitioner='consistent_random') as python:
        fill(java, inputs[0])
        fill(python, inputs[2])
    refused(create(t, config), 78, "'%s' and '%s'" % (inputs[0], inputs[2]), 'murmur2 and crc32')


@case
def one_partitioner_of_any_kind_is_fine(t):
    'Inputs that were all written with one partitioner are taken, whichever it is.'
    brokers, config, inputs = setup(t)
    create(t, config).check_returncode()
    with Client(brokers, partitioner='consistent_random') as python:
        for name in inputs:
            fill(python, name)
    assert create(t, config).returncode == 0


@case
def keyless_records_are_refused(t):
    'An input whose records have no key is refused; one where some have none is named and taken.'
    brokers, config, inputs = setup(t)
    create(t, config).check_returncode()
    with Client(brokers, partitioner='murmur2_random') as client:
        fill(client, inputs[1], n=100, key=None)
        refused(create(t, config), 78, "records of topic '%s' have no key" % inputs[1])
        fill(client, inputs[1], n=100)
        done = create(t, config)
        assert done.returncode == 0 and 'have no key' in done.stderr, done.stderr


@case
def a_custom_partitioner_is_compared_by_keys(t):
    'Where no known partitioner fits, a key that lies in different partitions of two inputs is still found.'
    brokers, config, inputs = setup(t)
    create(t, config).check_returncode()
    with Client(brokers) as client:
        for i in range(200):
            for name, step in zip(inputs, (0, 0, 1)):
                client.send(name, b'x', b'user%d' % i, partition=(i // 3 + step) % 4)
        client.flush()
    refused(create(t, config), 78, 'records of one key in different partitions')


@case
def replay_is_keyed_and_timed(t):
    'replay sends every line once, to the partition of its key; a bad line stops it with file and line, or is counted.'
    _, config, inputs = setup(t)
    create(t, config).check_returncode()
    rows = [{'event_id': 'e%d' % i, 'ts': 1207008157000 + i, 'user_id': 'u%d' % (i % 97), 'action': 'VIEW', 'item_id': 'A'} for i in range(1000)]
    done = t.ctl_json(config, 'replay', write_jsonl(t.path('all.jsonl'), rows), '--topic', 'clicks')
    assert done['records'] == 1000 and done['bad'] == 0, done
    lag = {r['topic']: r['records'] for r in json.loads(
        t.ctl(config, 'stats', '--json', '--set', 'redis.url=' + t.redis().url).stdout)['lag']}
    assert lag[inputs[0]] == 1000 and lag[inputs[1]] == 0, lag
    assert create(t, config).returncode == 0  # murmur2 of user_id: as the sample judges
    bad = write_jsonl(t.path('bad.jsonl'), rows[:2] + [{'event_id': 'x', 'ts': 5, 'user_id': 'u'}])
    done = t.ctl(config, 'replay', bad, '--topic', 'clicks', check=False)
    assert done.returncode == 64 and bad + ':3: ' in done.stderr and 'action' in done.stderr, done.stderr
    assert t.ctl_json(config, 'replay', bad, '--topic', 'clicks', '--skip-bad')['bad'] == 1


@case
def brokers_that_are_gone_are_named(t):
    'With no broker to be reached, a command ends with a sentence and exit code 69.'
    config = t.config(brokers='127.0.0.1:1', redis='redis://127.0.0.1:1/0')
    refused(create(t, config), 69, 'no answer from Kafka at 127.0.0.1:1 within 10 s')


main()
