#!/usr/bin/env python3
"""How fast glintd works off a topic, beside raw librdkafka and Kafka Streams: one run on one machine, so that the ratios tell.

A broker and a redis-server of its own; a topic of skewed clicks (gen_clicks), filled before anything reads it; then one after
the other:
  warm-up  a pass of glintd that does not count: a broker just started is slow, and whoever came first would pay for it
  raw      librdkafka alone, queues per partition, messages thrown away: the ceiling
  streams  the same job on Kafka Streams (exactly-once v2), when ../shared/peers/run-streams is there; else it says it is skipped
  glintd   exactly_once, all processors, purchases and reviews there and empty, state and views to the end
  lean     the same with `[glint] off` leaving the six that recommendations, campaigns and alerts need

glintd's time runs from its log line "assigned" (it fetches from then on; joining the group is over, restoring is not) until
`glintctl wait --caught-up` returns, which says that all is committed and shown. Then Redis must hold a list of every shopper
that the topic has. CPU is /proc/PID/stat's, user and system, all threads, the start included; RSS is VmHWM. Kafka Streams tells
its own figures, from its first event until a tenth of a second without one: its commit and its Redis are not waited for, nor its
start's CPU counted. On a busy machine a pass takes longer and has more periodic work in it, so CPU per event rises with the load.
Called by `make bench`; it asserts nothing on speed.
"""
import argparse
import shutil
import statistics
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0])
from benchlib import *

LEAN = 'segments, next, complaints, similar, forecast, search, intent'
PEER = os.path.join(TOP, '..', 'shared', 'peers', 'run-streams')


def raw(kafka, topic):
    return json.loads(run_program([program('raw_consume'), kafka.address, topic]).stdout)


def streams(t, kafka, topic, events, redis):
    """Kafka Streams' figures, or the reason why there are none"""
    if not os.path.exists(PEER):
        return 'no ../shared/peers/run-streams'
    if not shutil.which('java') or not shutil.which('mvn'):
        return 'java or mvn is missing'
    t.counter += 1
    # a name of our own: its state and its lists are its own too
    done = run_program([PEER, kafka.address, topic, str(events), str(redis.port), '%s-peer%d' % (t.prefix, t.counter)], 600,
                       env={'_JAVA_OPTIONS': '-Djava.io.tmpdir=' + t.folder}, check=False)
    figures = re.search(r'([\d.]+) s: ([\d.]+) events/s, cpu ([\d.]+) us/event', done.stdout)
    if not figures:
        return 'run-streams failed: ' + (done.stderr.strip().splitlines() or ['?'])[-1][:200]
    return dict(zip(('seconds', 'per_second', 'cpu_us'), map(float, figures.groups())))


def glintd(t, kafka, topic, filled, redis, perf, off=''):
    """one pass over the topic by a new group; the figures. off: processors that are not run"""
    t.counter += 1
    group = '%s-%d' % (t.prefix, t.counter)
    names = {'clicks': topic, 'purchases': t.prefix + '-purchases', 'reviews': t.prefix + '-reviews'}
    config = t.config(group + '.conf', kafka.address, redis.unix_url, kafka={'group.id': group, 'bootstrap.servers': kafka.address}, glint={'off': off},
                      topics=dict(names, **{'clicks.schema': os.path.join(TOP, 'bench/click.avsc')}))
    daemon = t.glintd(config, group, start=False)
    begin = time.time()
    daemon.start(ready=False)
    recorder = None
    if perf:
        recorder = subprocess.Popen(['perf', 'record', '-q', '-F', '999', '--call-graph', 'dwarf,8192' if perf.endswith('.dwarf') else 'fp',
                                     '-o', perf, '-p', str(daemon.pid)], stdin=subprocess.DEVNULL)
    daemon.wait_log(' assigned ', 60)
    t.caught_up(config, 900)
    end = time.time()
    cpu, peak, threads = cpu_s(daemon.pid), peak_mib(daemon.pid), cpu_of_threads(daemon.pid)
    if recorder:
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
    first = logged_at(daemon, ' assigned ')
    wait_for(lambda: sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total')) >= filled['clicks'], 5, 'all are counted')
    metrics = daemon.metrics()
    client = redis.client(60)
    lists = sum(1 for k in client.keys('glint:recs:u*'))
    applied = sum(v for k, v in metrics.items() if k.startswith('glint_records_total') and 'outcome="applied"' in k)
    assert lists == filled['users'], '%d lists in Redis, the topic has %d shoppers' % (lists, filled['users'])
    assert applied == filled['clicks'], '%d clicks applied of %d' % (applied, filled['clicks'])
    stop = time.time()
    code = daemon.term(30)
    assert code == 0, 'glintd ended with %d\n%s' % (code, daemon.log_tail())
    stop = time.time() - stop
    commits = metrics['glint_commits_total{fate="done"}']
    client.do('FLUSHALL')
    return {'seconds': end - first, 'per_second': filled['clicks'] / (end - first), 'cpu_us': cpu * 1e6 / filled['clicks'],
            'startup_seconds': first - begin, 'stop_seconds': stop, 'peak_mib': peak, 'commits': commits,
            'commit_ms': metrics['glint_commit_seconds_sum'] * 1000 / max(commits, 1),
            'produced_records': metrics['glint_produced_records_total'], 'produced_bytes': metrics['glint_produced_bytes_total'],
            'deltas': metrics['glint_deltas_total'], 'redis_commands': metrics['glint_redis_commands_total'], 'threads_cpu_s': threads,
            'lists': lists}


def middle(runs, name):
    return statistics.median(r[name] for r in runs)


def report(result):
    rows = [('', 'events/s', 'CPU us/event', 'seconds', 'peak MiB')]
    r = result['raw']
    w = result['warm_up']
    rows.append(('(glintd, cold broker)', '%.0f' % w['per_second'], '%.2f' % w['cpu_us'], '%.2f' % w['seconds'], '%.0f' % w['peak_mib']))
    rows.append(('raw librdkafka', '%.0f' % r['per_second'], '%.2f' % r['cpu_us'], '%.2f' % r['seconds'], ''))
    s = result['streams']
    if isinstance(s, dict):
        rows.append(('Kafka Streams', '%.0f' % s['per_second'], '%.1f' % s['cpu_us'], '%.1f' % s['seconds'], ''))
    for name, g in [('glintd', g) for g in result['glintd']] + [('glintd, lean', g) for g in result['lean']]:
        rows.append((name, '%.0f' % g['per_second'], '%.2f' % g['cpu_us'], '%.2f' % g['seconds'], '%.0f' % g['peak_mib']))
    print(table(rows))
    if not isinstance(s, dict):
        print('Kafka Streams: skipped: ' + s)
    runs = result['glintd']
    rate, cpu = middle(runs, 'per_second'), middle(runs, 'cpu_us')
    if isinstance(s, dict):
        print('glintd : Kafka Streams  %.1f times the events/s, 1/%.0f of the CPU' % (rate / s['per_second'], s['cpu_us'] / cpu))
    print('glintd : raw            %.2f of the events/s, %.1f times the CPU' % (rate / r['per_second'], cpu / r['cpu_us']))
    g = runs[-1]
    print('glintd: %d commits of %.0f ms, %.1f MB in %d records produced, %.1f deltas an event, %d commands to Redis, %d lists checked' %
          (g['commits'], g['commit_ms'], g['produced_bytes'] / 1e6, g['produced_records'], g['deltas'] / result['filled']['clicks'],
           g['redis_commands'], g['lists']))
    print('glintd: CPU by thread: ' + ', '.join('%s %.2f s' % x for x in g['threads_cpu_s'].items() if x[1] >= 0.01) +
          '; start %.1f s, stop %.1f s' % (g['startup_seconds'], g['stop_seconds']))
    print('load average before and after: %.1f, %.1f on %d cores' % (result['load'][0], result['load'][1], os.cpu_count()))
    print('=> throughput: %.0f events/s, %.2f us CPU an event, %.0f MiB; lean %.0f events/s, %.2f us; %s%.2f of raw librdkafka (load %.1f)' %
          (rate, cpu, g['peak_mib'], middle(result['lean'], 'per_second'), middle(result['lean'], 'cpu_us'), '%.1f times Kafka Streams, ' % (rate / s['per_second']) if isinstance(s, dict) else '',
           rate / r['per_second'], result['load'][1]))


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--events', type=int, default=1000000)
    p.add_argument('--users', type=int, default=100000)
    p.add_argument('--items', type=int, default=10000)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--runs', type=int, default=1, help='passes of glintd; ratios take the median')
    p.add_argument('--no-peers', action='store_true', help='leave Kafka Streams out')
    p.add_argument('--json', action='store_true')
    p.add_argument('--perf', metavar='FILE', help='perf record of the last pass (its time is then longer); FILE.dwarf takes stacks by DWARF')
    a = p.parse_args()
    with stage('throughput') as t:
        kafka, redis = t.own_kafka(), t.redis()
        topic = t.prefix + '-clicks'
        t.topics_create(t.config('topics.conf', kafka.address, redis), 4)
        filled = fill(kafka, topic, a.events, a.users, a.items, a.seed)
        load = [os.getloadavg()[0]]
        warm = glintd(t, kafka, topic, filled, redis, None)
        result = {'filled': filled, 'warm_up': warm, 'raw': raw(kafka, topic)}
        result['streams'] = '--no-peers' if a.no_peers else streams(t, kafka, topic, a.events, redis)
        redis.client().do('FLUSHALL')
        result['glintd'] = [glintd(t, kafka, topic, filled, redis, a.perf if i == a.runs - 1 else None) for i in range(a.runs)]
        result['lean'] = [glintd(t, kafka, topic, filled, redis, None, LEAN) for _ in range(a.runs)]
        load.append(os.getloadavg()[0])
        result['load'] = load
    if a.json:
        print(json.dumps(result))
    else:
        report(result)


main()
