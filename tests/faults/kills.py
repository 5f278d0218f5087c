#!/usr/bin/env python3
"""kill -9 and SIGTERM among several processes of one group, on a real Kafka: counts, alerts and views end as if nothing had happened.

FAULTS=full (make test-faults): 200 kills and 100 SIGTERM. Else a short form. SEED=n repeats a run.
"""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from fleet import *

HISTORY_ROUNDS = 5 if FULL else 1
KILLS_RANDOM, KILLS_POINTS, KILLS_REVOKED, TERMS, CHURNS = (90, 99, 12, 100, 24) if FULL else (4, 6, 1, 5, 3)


def a_moment(s, most):
    """until a random moment"""
    end = time.monotonic() + s.r.random() * most
    wait_for(lambda: time.monotonic() > end, most + 5, 'the moment', 0.005)


@case
def at_random(t):
    'Killed at random, one or several at once, three processes count everything once, and lose and double no alert.'
    s = Fleet(t, SEED + 1, slices=max(4, KILLS_RANDOM // 3), events=KILLS_RANDOM * 600)
    s.start_all()
    while s.kills < KILLS_RANDOM:
        s.feed()
        a_moment(s, 0.3)
        victims = s.r.sample(s.names, s.r.choice((1, 1, 2, 3)))
        for name in victims:
            s.kill(name)
            if s.r.random() < 0.5:
                a_moment(s, 0.1)
        for name in victims:
            s.start(name)
        if s.r.random() < 0.3:  # killed again on its way up
            a_moment(s, 1.0)
            s.kill(victims[0])
            s.start(victims[0])
        took = s.ready(limit=READY_S)
        say('%s killed at random' % '+'.join(victims), 'ready again %.1f s after the restart' % took,
            log_line(s.daemons[victims[0]], r'restored \d+ partitions'))
    s.feed_rest()
    s.judged()
    assert s.alerts()
    say('%d kills in all' % s.kills, s.said)


@case
def at_named_points(t):
    'Killed at each named point of seal, commit, restore and assignment, the others or the next start go on; everything is counted once.'
    s = Fleet(t, SEED + 2, slices=KILLS_POINTS // 3 + 2, events=KILLS_POINTS * 500)
    s.start_all()
    there, points = 0, s.r.sample(POINTS, len(POINTS))
    for k in range(KILLS_POINTS):
        point, name = points[k % len(points)], s.r.choice(s.names)
        if not point.startswith(('seal', 'commit')):
            s.kill(name)
            hit = s.crash_at(name, point, start=True, limit=30)
        else:
            feeder = concurrent.futures.ThreadPoolExecutor(1)
            job = feeder.submit(s.feed)
            hit = s.crash_at(name, point)
            job.result()
            feeder.shutdown()
        there += hit
        s.start(name)
        took = s.ready(limit=READY_S)
        say('%s killed at %s%s' % (name, point, '' if hit else ' (not reached: killed where it was)'), 'ready again after %.1f s' % took)
    s.feed_rest()
    s.judged()
    assert there >= KILLS_POINTS * 2 // 3, there
    say('%d kills in all, %d of them at their point' % (s.kills, there))


@case
def at_a_rebalance(t):
    'Killed when its partitions are revoked for a member that joins, it has counted nothing twice and lost nothing; taken over in time.'
    s = Fleet(t, SEED + 3, slices=KILLS_REVOKED + 2, events=KILLS_REVOKED * 1500)
    s.start_all()
    for k in range(KILLS_REVOKED):
        s.feed()
        name, point = s.r.choice(s.names), REVOKED[k % 2]
        s.start('d')
        hit = s.crash_at(name, point, limit=30)
        begin = time.monotonic()
        took = s.ready(limit=SESSION_S + READY_S)
        say('%s killed at %s%s, not restarted' % (name, point, '' if hit else ' (not reached)'), 'the others own all after %.1f s' % took,
            log_line(s.daemons['d'], r'assigned \d+ of'))
        assert time.monotonic() - begin < 60
        s.start(name)
        s.ready()
        s.kill('d')
        s.ready(limit=SESSION_S + READY_S)
    s.feed_rest()
    s.judged()


@case
def terminated_under_load(t):
    'SIGTERM under load ends with 0 in time, whatever the process does just then; restarted within its session it keeps its partitions.'
    s = Fleet(t, SEED + 4, slices=max(4, TERMS // 3), events=TERMS * 500)
    s.start_all()
    slowest, since = 0, dict.fromkeys(s.names, 0)
    for k in range(TERMS):
        if k % 3 == 0:
            s.feed()
        name = s.r.choice(s.names)
        a_moment(s, 0.2)
        begin = time.monotonic()
        code = s.daemons[name].term(15)
        said = s.daemons[name].log_text()
        slowest = max(slowest, time.monotonic() - begin)
        # before its first line there is nothing to bring to an end
        assert code == 0 or (code == -signal.SIGTERM and 'readyz on' not in said[since[name]:]), (code, s.daemons[name].log_tail())
        since[name] = len(said)
        s.start(name)
        if s.r.random() < 0.7:  # else the next one may come while it starts
            s.ready(limit=READY_S)
    s.ready(limit=READY_S)
    s.feed_rest()
    s.judged()
    say('%d SIGTERM under load' % TERMS, 'exit code 0 within %.1f s each' % slowest, log_line(s.daemons['a'], 'every change is in a row'))
    assert slowest <= 10, slowest


@case
def killed_in_a_history(t):
    'A history that is all there before they start is judged to the very pane of every alert, in every scope, whoever dies at whichever point of its commits.'
    # so short that no scope has more panes ahead of the time than it keeps ([spike] window: 256), however much comes before the first watermark
    s = Fleet(t, SEED + 6, names='ab', partitions=4, slices=6, events=6000)
    s.feed_rest()
    there = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for point in HISTORY_ROUNDS * [p for p in POINTS if p.startswith('commit')]:  # each time they come one interval further
            there += sum(pool.map(lambda name: s.crash_at(name, point, start=True), s.names))  # pylint: disable=cell-var-from-loop
    s.start_all()
    s.judged()
    spikes = s.same_spikes(s.opinions(Counts(s.dump()))['alert'], exact=True)
    assert {'item', 'all'} == {scope_of(a).split(':')[0] for a in spikes} and there, (spikes, there)
    say('%d kills at points of a commit, in a history' % there, s.said)


@case
def eight_members_churn(t):
    'Of eight members some are killed, some leave and some come, all the time; everything is counted once.'
    s = Fleet(t, SEED + 5, names='abcdefgh', partitions=8, slices=CHURNS + 2, events=CHURNS * 1200)
    s.start_all()
    for k in range(CHURNS):
        s.feed()
        for name in s.r.sample(s.names, 3):
            d = s.daemons[name]
            if d.process.poll() is not None:
                s.start(name)
            elif s.r.random() < 0.5:
                s.kill(name)
            else:
                d.term(15)
            a_moment(s, 0.5)
        if not s.living():
            s.start(s.names[0])
    for name in s.names:
        if s.daemons[name].process.poll() is not None:
            s.start(name)
    s.feed_rest()
    took = s.ready(limit=SESSION_S + READY_S)
    s.judged()
    say('eight members churn', 'all partitions run %.1f s after the last came' % took, log_line(s.daemons['a'], r'assigned \d+ of'))


print('# FAULTS=%s SEED=%d' % ('full' if FULL else 'short', SEED), flush=True)
main(at_once=1 if FULL else 2)
