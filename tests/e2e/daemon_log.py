#!/usr/bin/env python3
"""What glintd leaves in Kafka, looked at from outside: the order within an interval, offsets, model rows and epochs after a restart."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
import threading
from glintlib import *
import avrobytes as avro
from shop import START, Shop
from stage import Stage, user_in

DELTAS, CONTROL = 1, 2  # first byte of a message of the repartition topic: docs/design.md


def reader(s):
    return s.client(consumer=True, group_id=s.t.prefix + '-reader', enable_partition_eof='true')


@case
def deltas_come_before_their_time(t):
    "In every transaction of the repartition topic a partition's deltas come before the time that they made."
    s = Stage(t, glint={'commit_interval': '20ms', 'interval_bytes': '256KiB'})
    s.fill_shop(Shop(seed=61, events=20000))
    s.daemon()
    s.settled()
    both, kafka = 0, reader(s)
    for p in range(4):
        kinds, last = [], None
        for record in kafka.read(t.prefix + '-item-repartition', p) + [None]:
            if record is None or record.offset - 1 != last:  # a marker lies between: another transaction
                deltas = [i for i, k in enumerate(kinds) if k == DELTAS]
                controls = [i for i, k in enumerate(kinds) if k == CONTROL]
                assert len(deltas) + len(controls) == len(kinds), kinds
                assert not deltas or not controls or max(deltas) < min(controls), (p, last, kinds)
                both += bool(deltas and controls)
                kinds = []
            if record:
                kinds.append(record.value[0])
                last = record.offset
    assert both >= 4, both


@case
def every_owned_partition_is_committed(t):
    'Offsets of every partition are committed, of those without a record too.'
    s = Stage(t)
    client = s.client()
    client.send(s.topic('reviews'), avro.review('one', START, user_in(2), 'good'), user_in(2).encode(), 2)
    client.flush()
    s.daemon()
    s.settled()
    group = s.client(consumer=True, group_id=t.prefix)
    for topic in [s.topic(k) for k in ('clicks', 'purchases', 'reviews')] + [t.prefix + '-item-repartition']:
        found = group.committed(topic, 4)
        assert None not in found, (topic, found)
    assert group.committed(s.topic('reviews'), 4)[2] == 1


class Trickle(threading.Thread):
    """one click every few milliseconds, so that nothing is ever idle (a review would wait for clicks)"""

    def __init__(self, s):
        super().__init__(daemon=True)
        self.s, self.n, self.over = s, 0, threading.Event()

    def run(self):
        client, user = self.s.client(), user_in(0)
        while not self.over.wait(0.01):
            self.n += 1
            client.send(self.s.topic('clicks'), avro.click('busy%d' % self.n, START + self.n, user, item='busy'), user.encode(), 0)
            client.flush()


@case
def model_rows_are_due_after_a_restore(t):
    "A key whose state was committed and whose model row was not has its model row written after the restart, though nothing touches it."
    s = Stage(t, glint={'commit_interval': '50ms', 'snapshot_interval': '100ms', 'model_interval': '10min'})
    kafka, client, user = reader(s), s.client(), user_in(0)
    daemon = s.daemon()

    def rows(topic, key):
        return [r.value for p in range(1 if topic == 'model' else 4) for r in kafka.read('%s-%s' % (t.prefix, topic), p) if r.key and r.key[-len(key):] == key]

    def rate(n, stars):
        client.send(s.topic('reviews'), avro.review('a%d' % n, START + trickle.n, user, '', item='quiet', rating=stars), user.encode(), 0)
        client.flush()
    trickle = Trickle(s)
    trickle.start()
    try:
        for n in range(1, 20):  # a machine that stood still for a moment was idle, and the row was written
            before = len(rows('model', b'item:quiet'))
            rate(100 + n, 5)  # the first after a start is written at once
            wait_for(lambda: len(rows('model', b'item:quiet')) > before, 60, 'a model row', 0.1)  # pylint: disable=cell-var-from-loop
            models, states = len(rows('model', b'item:quiet')), len(rows('item-rows', b'item:quiet'))
            rate(n, 1 + n % 2)
            wait_for(lambda: len(rows('item-rows', b'item:quiet')) > states, 60, 'its state is committed', 0.05)  # pylint: disable=cell-var-from-loop
            daemon.kill9()
            if len(rows('model', b'item:quiet')) == models:
                break
            daemon.start()
        else:
            raise AssertionError('the model row never waited')
    finally:
        trickle.over.set()
        trickle.join()
    daemon.start()
    wait_for(lambda: len(rows('model', b'item:quiet')) > models, 60, 'the model row is written', 0.2)


@case
def a_new_owner_has_a_higher_epoch(t):
    'Whoever takes over a task, after a clean stop or none, has a higher epoch in Redis than the one before.'
    s = Stage(t)
    s.fill_shop(Shop(seed=62, events=1500))
    db = s.redis.client()
    tasks = ['%s%d' % (stage, p) for stage in 'ui' for p in range(4)]

    def epochs():
        return {task: int(db.do('HGET', 'glint:task:' + task, 'epoch') or 0) for task in tasks}
    daemon = s.daemon()
    s.settled()
    for end in (daemon.kill9, daemon.term):
        before = epochs()
        assert min(before.values()) > 0, before
        end()
        daemon.start()
        wait_for(lambda: all(n > before[task] for task, n in epochs().items()), 60, 'every epoch is higher')  # pylint: disable=cell-var-from-loop


main(at_once=4)
