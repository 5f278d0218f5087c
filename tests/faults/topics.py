#!/usr/bin/env python3
"""Topics that lose, change or forget what glintd relies on, on a real Kafka: it is named in log and metric, never silent, and nothing else suffers.

What is gone cannot be counted, so that the independent count here is of what was left: each case says of which records. SEED=n repeats a run.
"""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from fleet import *


def offsets_of(s, client, topic):
    return {(topic, p): client.bounds(topic, p)[1] for p in range(s.partitions)}


def lost(daemon, topic, since=0):
    """waits for the log to name the loss"""
    daemon.wait_log(r'LOST: %s \[\d+\]: offsets \d+ to \d+ are gone' % re.escape(topic), 40, since)
    return log_line(daemon, 'LOST: ' + re.escape(topic), since)


@case
def inputs_lost_before_they_were_read(t):
    'Records that the shop deleted before they were read are named as lost; all that is left is counted once.'
    s = Fleet(t, SEED + 41, names='a', slices=3, partitions=4, events=3000)
    client = s.client()
    s.start_all()
    s.feed()
    s.judged()
    s.kill('a')
    read = list(s.files)
    s.feed()  # nobody reads this
    for kind in AT:
        client.delete_records(offsets_of(s, client, s.topic(kind)))
    s.files = read
    since = len(s.daemons['a'].log_text())
    s.start('a')
    seen = lost(s.daemons['a'], s.topic('clicks'), since)
    s.feed()
    s.ready()
    s.exact = False  # a day is gone
    s.judged()
    say('inputs deleted before they were read: offsets out of range', seen)


@case
def repartition_trimmed_behind_low(t):
    'A repartition topic trimmed further than the rows reach is named as lost at the next restore; glintd goes on, and counters stay exact.'
    s = Fleet(t, SEED + 42, names='a', slices=3, partitions=4, events=3000, glint={'snapshot_interval': '10min'})
    client = s.client()
    s.start_all()
    s.feed()
    s.judged()
    s.kill('a')
    topic = t.prefix + '-item-repartition'
    client.delete_records(offsets_of(s, client, topic))
    since = len(s.daemons['a'].log_text())
    s.start('a')
    seen = lost(s.daemons['a'], topic, since)
    s.ready()
    s.feed()
    s.settled(120)
    sent = sum(len(read_jsonl(path)) for path in s.files)
    counts = Counts(s.dump())
    assert sum(counts.counters.values()) == counts.total('applied') == sent, (counts.counters, sent)
    say('repartition topic trimmed behind low', seen)


@case
def partition_added(t):
    'A partition added to the inputs of a running group ends it with 78 and a sentence that says what to do; what it had read is committed.'
    s = Fleet(t, SEED + 43, names='a', slices=2, partitions=4, events=2000, kafka={'topic.metadata.refresh.interval.ms': 1000})
    client = s.client()
    s.start_all()
    s.feed()
    s.judged()
    for kind in AT:
        client.add_partitions(s.topic(kind), 5)
    daemon = s.daemons['a']
    code = daemon.wait(60)
    assert code == 78, (code, daemon.log_tail())
    assert 'another group.id' in daemon.log_text(), daemon.log_tail()
    say('a partition added', 'exit code 78', log_line(daemon, 'another group.id'))


@case
def input_made_anew(t):
    'An input that was deleted and made anew while no glintd ran ends the next start with 78 and a sentence that names it, whatever it holds by then.'
    s = Fleet(t, SEED + 44, names='a', slices=2, partitions=4, events=2000)
    client, topic = s.client(), s.topic('clicks')
    s.start_all()
    s.feed()
    s.judged()
    assert s.daemons['a'].term() == 0
    client.delete_topic(topic)

    def made():
        try:
            return client.create_topic(topic, s.partitions) is None
        except RuntimeError:  # it is still being deleted
            return False
    wait_for(made, 60, 'it is made anew')

    def there():
        try:
            return [client.bounds(topic, p) for p in range(s.partitions)] == [(0, 0)] * s.partitions
        except RuntimeError:
            return False
    wait_for(there, 60, 'it has leaders')
    for path in [x for x in s.files if os.path.basename(x).startswith('clicks')] * 2:  # more than it held before
        t.replay(s.config, 'clicks', path)
    daemon, since = s.daemons['a'], len(s.daemons['a'].log_text())
    s.start('a')
    assert daemon.wait() == 78, daemon.log_tail()
    assert re.search(r"topic '%s' was deleted and made anew: \d+ records of partition \d are counted" % topic, daemon.log_text()[since:]), daemon.log_tail()
    say('an input deleted and made anew', 'exit code 78', log_line(daemon, 'made anew: '))


print('# SEED=%d' % SEED, flush=True)
main(at_once=2)
