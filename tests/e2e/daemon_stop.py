#!/usr/bin/env python3
"""SIGTERM on a real Kafka: what is processed is committed with all rows, the end comes within shutdown_timeout, brokers or no brokers."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from shop import Shop
from stage import INPUTS, Stage

NOTHING_AGAIN = r'restored 4 partitions: \d+ rows, 0 records of the logs'


def stopped(daemon, within=10):
    """SIGTERM; asserts exit code 0 within the limit"""
    begin = time.monotonic()
    code = daemon.term(within + 60)
    took = time.monotonic() - begin
    assert code == 0 and took <= within, (code, took, daemon.log_tail())
    return took


@case
def at_rest(t):
    'SIGTERM at rest ends with 0, and the next start replays nothing and holds the same counts.'
    s = Stage(t)
    s.fill_shop(Shop(seed=31))
    daemon = s.daemon()
    s.settled()
    stopped(daemon)
    assert 'every change is in a row' in daemon.log_text(), daemon.log_tail()
    before = len(daemon.log_text())
    daemon.start()
    daemon.wait_log(NOTHING_AGAIN, after=before)
    s.same_counts(s.settled().dump())


@case
def under_load(t):
    'SIGTERM amid a stream ends with 0; the next start replays nothing and goes on to the same counts.'
    s = Stage(t, glint={'commit_interval': '50ms', 'interval_bytes': '256KiB', 'snapshot_interval': '10min'})
    daemon = s.daemon()
    # more than a moment's work, and one more file afterwards
    sent = Shop(seed=32, users=4000, items=300, days=12, events=60000).traffic()
    for kind, events in zip(INPUTS, sent):
        s.fill(kind, events)
        if kind == 'clicks':
            stopped(daemon)
    before = len(daemon.log_text())
    daemon.start()
    daemon.wait_log(NOTHING_AGAIN, after=before)
    s.settled()
    stopped(daemon)
    before = len(daemon.log_text())
    daemon.start()
    daemon.wait_log(NOTHING_AGAIN, after=before)
    # orders came after all clicks, whose touches they find: attribution is as if they had been merged
    s.same_counts(s.settled().dump())


@case
def during_a_restore(t):
    'SIGTERM during a restore ends with 0; the next start restores and counts everything once.'
    s = Stage(t, glint={'snapshot_interval': '10min'})
    s.fill_shop(Shop(seed=33, users=3000, items=200, days=8, events=30000))
    daemon = s.daemon()
    s.settled()
    daemon.kill9()
    before = len(daemon.log_text())
    go_on = s.restores_held()
    daemon.start(ready=False)
    daemon.wait_log(r'assigned 4 of 4 partitions \(0 kept in memory, 4 to restore\)', after=before)
    stopped(daemon)
    assert 'restored 4' not in daemon.log_text()[before:], daemon.log_tail()
    go_on()
    daemon.start()
    s.same_counts(s.settled().dump())


@case
def before_kafka_is_there(t):
    'A broker that is away at the start is waited for and named; SIGTERM ends the waiting with 0.'
    s = Stage(t, brokers='127.0.0.1:1', redis=False, create=False)
    daemon = s.daemon(start=False).start(ready=False)
    daemon.wait_log(r'no answer from Kafka at 127.0.0.1:1')
    status, body = daemon.http('/readyz')
    assert status == 503 and 'no answer from Kafka' in body, body
    assert daemon.http('/livez')[0] == 200
    stopped(daemon)


@case
def brokers_that_do_not_answer(t):
    'SIGTERM ends with 0 within shutdown_timeout when the broker stands still, and when it is dead; when it is back, everything is counted once.'
    kafka = t.own_kafka()
    s = Stage(t, brokers=kafka.address, glint={'shutdown_timeout': '8s'})
    clicks, orders, reviews = Shop(seed=34).traffic()
    s.fill('clicks', clicks)
    daemon = s.daemon()
    s.settled()
    with open(os.path.join(kafka.folder, 'pid')) as f:
        broker = int(f.read())
    s.fill('purchases', orders)  # some of it is in an interval that finds no broker
    os.kill(broker, signal.SIGSTOP)
    try:
        stopped(daemon, 8)
    finally:
        os.kill(broker, signal.SIGCONT)
    daemon.start()
    s.fill('reviews', reviews)
    kafka.stop('KILL')
    stopped(daemon, 8)
    kafka.start()
    daemon.start()
    s.same_counts(s.settled().dump())


main(at_once=3)
