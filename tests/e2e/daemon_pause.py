#!/usr/bin/env python3
"""Processes that stand still for longer than Kafka has patience, on a real Kafka: what was open is aborted, nobody ends, all is counted once."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from shop import Shop
from stage import INPUTS, Stage

BUSY = {'commit_interval': '10ms', 'interval_bytes': '256KiB', 'snapshot_interval': '1s'}


def stands_still(pid, seconds):
    """SIGSTOP for so long"""
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + seconds
    try:
        wait_for(lambda: time.monotonic() > end, seconds + 5, 'the pause is over', 0.1)
    finally:
        os.kill(pid, signal.SIGCONT)


def commits_of(daemon):
    return daemon.metrics().get('glint_commits_total{fate="done"}', 0)


def records_of(daemon):
    return sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total{'))


def amid_the_stream(s, daemon, sent, pid, seconds):
    """sends while the daemon works, and stops that process when some intervals are committed"""
    s.fill('clicks', sent[0])
    s.fill('purchases', sent[1])
    before = commits_of(daemon)
    s.fill('reviews', sent[2])
    wait_for(lambda: commits_of(daemon) > before, 60, 'a commit', 0.001)
    stands_still(pid, seconds)


@case
def glintd_paused(t):
    'A glintd that stood still for longer than its transaction may last goes on, and counts every record once.'
    s = Stage(t, glint=BUSY)
    sent = Shop(seed=71, users=3000, items=200, days=8, events=50000).traffic()
    daemon = s.daemon()
    amid_the_stream(s, daemon, sent, daemon.pid, 7)
    s.settled()
    assert daemon.process.poll() is None
    s.same_counts(s.dump())


@case
def glintd_paused_beyond_its_session(t):
    'A glintd that stood still for longer than its session in the group joins again, and counts every record once.'
    s = Stage(t, glint=BUSY, kafka={'session.timeout.ms': 6000})
    sent = Shop(seed=72, users=3000, items=200, days=8, events=50000).traffic()
    daemon = s.daemon()
    amid_the_stream(s, daemon, sent, daemon.pid, 9)
    s.settled()
    assert daemon.process.poll() is None
    s.same_counts(s.dump())


@case
def taken_over_while_paused(t):
    'When another took over the partitions of a glintd that stood still, it comes back to the group and writes nothing stale.'
    s = Stage(t, glint=BUSY, kafka={'session.timeout.ms': 6000})
    sent = Shop(seed=73, users=3000, items=200, days=8, events=50000).traffic()
    one, two = s.daemon('one', start=False).start(ready=False), s.daemon('two', start=False).start(ready=False)
    for d in (one, two):
        d.wait_ready()
    amid_the_stream(s, one, sent, one.pid, 9)
    s.settled()
    assert one.process.poll() is None and two.process.poll() is None
    s.same_counts(s.dump())


@case
def sealed_before_the_group_went_on(t):
    'An interval that was sealed before the group went on without its process is refused, though the process is a member again when it is sent.'
    s = Stage(t, glint=BUSY, kafka={'session.timeout.ms': 6000})
    sent = s.fill_shop(Shop(seed=75, users=1000, items=100, days=8, events=10000))
    one = s.daemon('one', start=False, env={'GLINT_TEST_PAUSE_COMMIT': '2-30'}).start(ready=False)
    one.wait_log('transaction to begin, interval 2: standing still', 60)
    two = s.daemon('two', start=False)
    os.kill(one.pid, signal.SIGSTOP)
    try:
        two.start(ready=False)
        total = sum(map(len, sent))
        wait_for(lambda: two.http('/metrics')[0] == 200 and records_of(two) == total, 60, 'the other counts everything', 0.1)
    finally:
        os.kill(one.pid, signal.SIGCONT)
    one.wait_log(r'interval 2 was aborted', 60)
    s.settled()
    assert one.process.poll() is None and two.process.poll() is None
    s.same_counts(s.dump())


@case
def broker_paused(t):
    'A broker that stood still for longer than a transaction may last changes no count, and glintd is ready again.'
    kafka = t.own_kafka()
    s = Stage(t, brokers=kafka.address, glint=BUSY)
    sent = Shop(seed=74, users=3000, items=200, days=8, events=50000).traffic()
    daemon = s.daemon()
    with open(os.path.join(kafka.folder, 'pid')) as f:
        amid_the_stream(s, daemon, sent, int(f.read()), 8)
    # the controller has taken the leaders away meanwhile: the tool, too, must find them again
    wait_for(lambda: t.ctl(s.config, 'wait', '--caught-up', '--timeout', '5', check=False).returncode == 0, 120, 'caught up')
    daemon.wait_ready()
    s.same_counts(s.dump())


main(at_once=5)
