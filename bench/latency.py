#!/usr/bin/env python3
"""How old an event is when a reader of Redis sees what it changed: from the produce call to a second client's read of the list.

Real Kafka, redis-server, glintd with exactly_once and all processors. The topic gets a history first (gen_clicks), glintd works it
off and comes to rest; then latency_probe sends clicks of distinct shoppers in open loop, and measures (see its head). Events
reach Redis before their interval is committed: a view is absolute and rebuilt, so it need not wait for the transaction.
Prints where the time goes: `consumed` is what a bare librdkafka consumer sees, on the same topic at the same rate, before glintd
starts; `rendered` when glintd's loop made the list (to 1 ms, from the list's as_of), `rendered to read` publisher, Redis and the
reader. Called by `make bench`; it asserts nothing on speed.
"""
import argparse
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0])
from benchlib import *

NAMES = (('producer_late', 'due to produce call'), ('consumed', 'due to consumed by bare librdkafka, without glintd'), ('rendered', 'due to rendered by the loop'),
         ('rendered_to_read', 'rendered to read'), ('read', 'due to read: the latency'))


def at_rest(daemon):
    """no list waits, and none was written for the time after which a touched shopper is shown once more"""
    state = {'n': -1, 'since': time.monotonic()}

    def quiet():
        m = daemon.metrics()
        n = m['glint_redis_commands_total'] + sum(v for k, v in m.items() if k.startswith('glint_views_waiting'))
        if n != state['n']:
            state.update(n=n, since=time.monotonic())
        return time.monotonic() - state['since'] > 3.5
    wait_for(quiet, 120, 'glintd is at rest', 0.25)


def probe(a, kafka, topic, redis, seconds):
    return json.loads(run_program([program('latency_probe'), kafka.address, topic, redis] +
                                  [str(x) for x in (a.rate, seconds, a.warm_up, a.users, a.items, a.linger)], seconds + 120).stdout)


def measure(a):
    with stage('latency') as t:
        kafka, redis = t.own_kafka(), t.redis()
        if len(redis.path) > 107:
            raise AssertionError('%s: too long for a socket' % redis.path)
        config = t.config('glintd.conf', kafka.address, redis.unix_url, topics={'clicks.schema': os.path.join(TOP, 'bench/click.avsc')})
        topic = t.prefix + '-clicks'
        t.topics_create(config, 4)
        fill(kafka, topic, a.history, a.users, a.items, a.seed, int(time.time() * 1000) - a.history)
        bare = probe(a, kafka, topic, '-', a.bare_seconds)
        daemon = t.glintd(config)
        t.caught_up(config, 300)
        at_rest(daemon)
        pids = {'glintd': daemon.pid, 'Kafka': kafka_pid(kafka), 'Redis': redis.pid()}
        load, cpu, begin = os.getloadavg()[0], {k: cpu_s(p) for k, p in pids.items()}, time.monotonic()
        before = daemon.metrics()
        figures = probe(a, kafka, topic, redis.path, a.seconds)
        after = daemon.metrics()
        passed = time.monotonic() - begin
        commits = after['glint_commits_total{fate="done"}'] - before['glint_commits_total{fate="done"}']
        figures.update(consumed=bare['consumed'], load=[load, os.getloadavg()[0]], cpu_share={k: (cpu_s(p) - cpu[k]) / passed for k, p in pids.items()}, peak_mib=peak_mib(daemon.pid),
                       commits_per_second=commits / passed,
                       commit_ms=1000 * (after['glint_commit_seconds_sum'] - before['glint_commit_seconds_sum']) / max(commits, 1))
        code = daemon.term(30)
        assert code == 0, 'glintd ended with %d\n%s' % (code, daemon.log_tail())
    return figures


def report(f):
    columns = ('p50', 'p90', 'p99', 'p99.9', 'max')
    print(table([('ms',) + columns] + [(text,) + tuple('%.1f' % f[name][c] for c in columns) for name, text in NAMES]))
    print('%d samples at %d events/s; %d lists did not appear within 10 s; %.0f %% of the lists name the clicked item as a reason\'s seed' %
          (f['samples'], f['rate'], f['sent'] - f['samples'], 100 * f['seeded'] / max(f['samples'], 1)))
    print('CPU, %% of a core: %s; load average before and after: %.1f, %.1f on %d cores' %
          (', '.join('%s %.0f' % (k, 100 * v) for k, v in f['cpu_share'].items()), f['load'][0], f['load'][1], os.cpu_count()))
    print('glintd: %.0f MiB, %.1f commits/s of %.0f ms' % (f['peak_mib'], f['commits_per_second'], f['commit_ms']))
    r = f['read']
    print('=> latency: p50 %.1f ms, p90 %.1f, p99 %.1f, p99.9 %.1f, max %.1f (%d samples at %d events/s; load %.1f)' %
          (r['p50'], r['p90'], r['p99'], r['p99.9'], r['max'], f['samples'], f['rate'], f['load'][0]))


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--rate', type=int, default=5000, help='events/s')
    p.add_argument('--seconds', type=int, default=21)
    p.add_argument('--bare-seconds', type=int, default=5, help='of the bare consumer')
    p.add_argument('--warm-up', type=int, default=2, help='seconds before that are not counted')
    p.add_argument('--history', type=int, default=200000, help='clicks before')
    p.add_argument('--users', type=int, default=120000)
    p.add_argument('--items', type=int, default=10000)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--linger', default='0', help="the producer's linger.ms")
    p.add_argument('--json', action='store_true')
    a = p.parse_args()
    figures = measure(a)
    if a.json:
        print(json.dumps(figures))
    else:
        report(figures)


main()
