#!/usr/bin/env python3
"""What networks do between glintd and a real Kafka, through a proxy that the broker advertises; and the broker itself stopped and killed.

FAULTS=full (make test-faults): every fault three times, in a seeded order. Else four of them. SEED=n repeats a run.
"""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from fleet import *

TIMES = 3 if FULL else 1
FAULTS = []


def fault(function):
    FAULTS.append(function)
    return function


def for_a_while(seconds):
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end, seconds + 5, 'a while', 0.05)


def through(s, mode, value=0, seconds=3.0, told=None):
    """records come in while the network is like that"""
    s.way.be(mode, value)
    s.feed()
    seen = refused(s.living(), told, 60) if told is not None else for_a_while(seconds)
    s.way.be('pass')
    return seen


@fault
def delayed(s):
    return through(s, 'delay', 0.2)


@fault
def throttled(s):
    return through(s, 'throttle', 64 << 10)


@fault
def one_byte_at_a_time(s):
    return through(s, 'bytes')


@fault
def black_hole(s):
    return through(s, 'black_hole', seconds=SESSION_S + 3)


@fault
def half_open(s):
    return through(s, 'half_open', seconds=SESSION_S + 3)


@fault
def reset(s):
    return through(s, 'reset', told='')


@fault
def reset_again_and_again(s):
    s.feed()
    for _ in range(20):
        s.way.reset_all()
        for_a_while(s.r.random() * 0.3)


@fault
def replies_lost_after_send(s):
    before = s.way.lost
    s.way.be('lose_replies', 0.05)
    s.feed()
    for_a_while(2)
    wait_for(lambda: s.way.lost > before, 60, 'a reply is lost')
    s.way.be('pass')


@fault
def broker_stopped_cleanly(s):
    s.feed()
    s.kafka.stop()
    seen = refused(s.living(), '', 60)
    s.kafka.start()
    return seen


@fault
def broker_killed(s):
    s.feed()
    s.kafka.stop('KILL')  # the group's and the transactions' coordinator, too
    seen = refused(s.living(), '', 60)
    s.kafka.start()
    return seen


def kafka_behind_a_proxy(t):
    """(broker, proxy): what the broker tells clients of the second listener is the proxy's address"""
    port, controller, inner = free_port(), free_port(), free_port()
    way = Proxy(inner)
    t.ends.callback(way.close)
    folder = t.path('kafka1')
    os.makedirs(folder)
    with open(os.path.join(folder, 'ports'), 'w') as f:
        f.write('%d %d\n' % (port, controller))
    kafka = t.own_kafka('listeners=PLAINTEXT://127.0.0.1:%d,PROXIED://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d\n' % (port, inner, controller) +
                        'advertised.listeners=PLAINTEXT://127.0.0.1:%d,PROXIED://127.0.0.1:%d\n' % (port, way.port) +
                        'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT\n')
    assert kafka.address.endswith(':%d' % port), kafka.address
    return kafka, way


@case
def kafka_faults(t):
    'Whatever the network to Kafka does, and when the broker stops or dies, nobody ends, all is counted once, no alert is lost or doubled.'
    r = random.Random(SEED)
    chosen = [f for _ in range(TIMES) for f in r.sample(FAULTS, len(FAULTS) if FULL else 4)]
    kafka, way = kafka_behind_a_proxy(t)
    s = Fleet(t, SEED + 21, names='ab', slices=len(chosen) + 2, events=len(chosen) * 600, partitions=4, brokers=kafka.address)
    s.kafka, s.way = kafka, way
    s.through(kafka=way)
    s.start_all()
    s.feed()
    for k, f in enumerate(chosen):
        since = {d.name: len(d.log_text()) for d in s.living()}
        before = {d.name: d.metrics() for d in s.living()}
        seen = f(s)
        took = s.ready(limit=SESSION_S + READY_S)
        assert len(s.living()) == 2, s.log_tails()
        aborted = sum(v - before[d.name].get(k, 0) for d in s.living() for k, v in d.metrics().items()
                      if k.startswith('glint_commits_total{') and 'done' not in k)
        say('Kafka: ' + f.__name__.replace('_', ' '), seen, next((x for x in (log_line(d, ' (warn|error) ', since[d.name]) for d in s.living()) if x), None),
            'glint_commits_total not done +%d' % aborted, 'ready again %.1f s after its end' % took)
        if FULL and k % 5 == 4:
            s.judged()
    s.feed_rest()
    s.judged()
    assert s.alerts()
    say('%d faults of Kafka and its network' % len(chosen), s.said)


@case
def late_answers(t):
    'No order goes before its click, however late the answers of Kafka are that bring both at once.'
    kafka, way = kafka_behind_a_proxy(t)
    s = Fleet(t, SEED + 22, names='a', slices=9, events=13500, partitions=4, brokers=kafka.address)
    s.way = way
    s.through(kafka=way)
    s.start_all()
    while s.fed < s.n_slices:
        through(s, 'delay', 0.2, 1.0)
    s.judged()
    say('Kafka: answers 0.2 s late', s.said)


print('# FAULTS=%s SEED=%d' % ('full' if FULL else 'short', SEED), flush=True)
main()
