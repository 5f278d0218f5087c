#!/usr/bin/env python3
"""Topics of the group that refuse a record for its size (max.message.bytes), on a real Kafka: nothing is left out and nothing is counted twice; who
looks is told which topic, whose record, the limit and the way out; and once the limit is raised all goes on by itself.

SEED=n repeats a run.
"""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from fleet import *

USUAL = 1048588  # bytes, what a broker takes by default
ROWS = {'cleanup_policy': 'compact', 'retention_ms': -1, 'segment_bytes': 64 << 20, 'min_cleanable_dirty_ratio': 0.2}
LOG = {'cleanup_policy': 'delete', 'retention_ms': -1}
LARGE_BYTES = 12000  # an ordinary shopper's row takes a tenth


def begun(t, seed, topic, policies, limit, **how):
    s = Fleet(t, seed, names='a', slices=3, events=3000, partitions=2, **how)
    client = s.client()
    client.configure_topic('%s-%s' % (t.prefix, topic), max_message_bytes=limit, **policies)
    return s, client


def told(s, topic, limit):
    """/readyz and the log say it; returns what they say"""
    pattern = r'%s \[\d\] refuses a record of \d+ bytes \(.*\), max\.message\.bytes is %d: .*kafka-configs.*max\.message\.bytes=\d+' % (re.escape(topic), limit)
    seen = refused(s.living(), pattern, 60)
    s.daemons['a'].wait_log(pattern, 10)
    return seen, log_line(s.daemons['a'], pattern)


def positions(s, client):
    """what the group has committed, by topic and partition"""
    group = s.client(consumer=True, group_id=s.t.prefix)
    return {kind: group.committed(s.topic(kind), s.partitions) for kind in AT}


def large(user, n, ts):
    """one shopper's clicks, not before ts, nor so late that an order of others might come between: as many ids to be remembered"""
    return [{'event_id': 'large-%d' % i, 'ts': ts + i // 1000, 'user_id': user, 'action': 'VIEW', 'item_id': 'item-%03d' % (i % 80)} for i in range(n)]


def raised(s, client, topic, limits, what, *seen):
    """the limit is raised again: it goes on by itself, and all is counted once"""
    client.configure_topic(topic, max_message_bytes=USUAL, **limits)
    took = s.ready()
    s.feed_rest()
    s.judged()
    say(what, *seen, 'ready %.1f s after the limit was raised' % took)


@case
def a_row(t):
    'A row that its topic refuses stops what is committed, whoever is restarted meanwhile, until the limit is raised; then all is counted once.'
    s, client = begun(t, SEED + 51, 'user-rows', ROWS, LARGE_BYTES, glint={'dedup_ring': 4096})
    topic = t.prefix + '-user-rows'
    s.start_all()
    s.feed()
    s.judged()  # smaller ones pass
    s.fill('clicks', large('somebody', 2000, s.slices[0][0][-1]['ts']))
    seen, line = told(s, topic, LARGE_BYTES)
    assert 'somebody' not in s.daemons['a'].log_text(), 'ids of shoppers are not for logs'
    s.kill('a')
    since = len(s.daemons['a'].log_text())
    s.start('a')
    wait_for(lambda: re.search('Tried again within', s.daemons['a'].log_text()[since:]), 60, 'it is refused again, and known from then on')
    stands = positions(s, client)
    s.feed()
    wait_for(lambda: len(re.findall('Tried again within', s.daemons['a'].log_text()[since:])) >= 3, 60, 'it tries again')
    assert positions(s, client) == stands, 'nothing is committed beside it'
    refused(s.living(), re.escape(topic))
    raised(s, client, topic, ROWS, 'a shopper\'s row that its topic does not take', seen, line)


@case
def deltas(t):
    'What goes between the stages waits for its limit as rows do; nothing is lost, nothing doubled.'
    s, client = begun(t, SEED + 52, 'item-repartition', LOG, 2000)
    topic = t.prefix + '-item-repartition'
    s.start_all()
    s.feed()
    seen, line = told(s, topic, 2000)
    raised(s, client, topic, LOG, 'a delta that its topic does not take', seen, line)


@case
def batches(t):
    'A topic that takes every record alone, but not so many at once, is sent smaller batches; nobody has to do anything.'
    s, client = begun(t, SEED + 53, 'model', ROWS, 9000, glint={'commit_interval': '2s'})
    s.start_all()
    s.feed_rest()
    s.judged()
    line = log_line(s.daemons['a'], r'-model refuses a batch for its size .*9000\): batches of at most \d+ bytes are sent from now on')
    assert line, s.daemons['a'].log_tail()
    say('batches that a topic does not take', line)


print('# SEED=%d' % SEED, flush=True)
main(at_once=2)
