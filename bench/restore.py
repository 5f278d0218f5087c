#!/usr/bin/env python3
"""How fast a killed glintd is back: rows a second, and the log replayed beside how fast it was processed. One machine, real Kafka.

A topic of clicks (gen_clicks), worked off by one glintd; when all is in rows it is killed (kill -9) and started again:
  rows    it reads every row; its own log line says how many and how long that took, Kafka's part included
  log     another group with rows so seldom (snapshot_interval 10 min) that none is written: the restart applies the whole log
          again, user stage and item stage, which is set beside the first pass' own speed, from "assigned" to the last commit
CPU is /proc/PID/stat's of the restart until it is ready. Called by `make bench`; it asserts nothing on speed.
"""
import argparse
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0])
from benchlib import *

RESTORED = re.compile(r'restored \d+ partitions: (\d+) rows, (\d+) records of the logs, in ([\d.]+) s')


def counted(daemon):
    return sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total'))


def passes(t, kafka, topic, filled, redis, name, glint, perf):
    """a first pass, a kill, a restart; the figures of both"""
    group = '%s-%s' % (t.prefix, name)
    names = {'clicks': topic, 'purchases': t.prefix + '-purchases', 'reviews': t.prefix + '-reviews'}
    config = t.config(group + '.conf', kafka.address, redis.unix_url, kafka={'group.id': group, 'bootstrap.servers': kafka.address},
                      topics=dict(names, **{'clicks.schema': os.path.join(TOP, 'bench/click.avsc')}), glint=glint)
    daemon = t.glintd(config, group, start=False)
    daemon.start(ready=False)
    daemon.wait_log(' assigned ', 60)
    first = logged_at(daemon, ' assigned ')
    wait_for(lambda: counted(daemon) >= filled['clicks'], 900, 'all is processed', 0.05)
    took = time.time() - first
    t.caught_up(config, 900)
    metrics = daemon.metrics()
    if name == 'rows':  # each shopper's last change is in a row
        settled = lambda: daemon.metrics()['glint_produced_records_total']
        last = [0, settled()]
        wait_for(lambda: last.append(settled()) or last[-1] == last[-2], 60, 'rows are written', 6)
    daemon.kill9()
    before = len(daemon.log_text())
    daemon.start(ready=False)
    if perf:
        recorder = subprocess.Popen(['perf', 'record', '-q', '-F', '1999', '-g', '-o', perf, '-p', str(daemon.pid)], stdin=subprocess.DEVNULL)
    line = wait_for(lambda: RESTORED.search(daemon.log_text()[before:]), 300, 'restored', 0.01)
    cpu = cpu_s(daemon.pid)
    if perf:
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
    daemon.wait_ready()
    assert counted(daemon) == filled['clicks'], (counted(daemon), filled)
    threads = cpu_of_threads(daemon.pid)
    assert daemon.term(30) == 0, daemon.log_tail()
    rows, records, seconds = int(line.group(1)), int(line.group(2)), float(line.group(3))
    return {'processed_per_second': filled['clicks'] / took, 'rows': rows, 'records': records, 'seconds': seconds, 'cpu_s': cpu, 'threads_cpu_s': threads,
            'users': metrics['glint_users'], 'keys': metrics['glint_keys'], 'state_mib': metrics['glint_state_bytes'] / 2**20}


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--events', type=int, default=1000000)
    p.add_argument('--users', type=int, default=500000)
    p.add_argument('--items', type=int, default=5000)
    p.add_argument('--only', choices=('rows', 'log'))
    p.add_argument('--json', action='store_true')
    p.add_argument('--perf', metavar='FILE', help='perf record of the restart (its time is then longer)')
    a = p.parse_args()
    result = {}
    with stage('restore') as t:
        kafka, redis = t.own_kafka(), t.redis()
        topic = t.prefix + '-clicks'
        t.topics_create(t.config(brokers=kafka.address))
        filled = fill(kafka, topic, a.events, a.users, a.items, 1)
        if a.only != 'log':
            result['rows'] = passes(t, kafka, topic, filled, redis, 'rows', {'snapshot_interval': '2s', 'user_expiry': 0, 'item_expiry': 0}, a.perf)
        if a.only != 'rows':
            result['log'] = passes(t, kafka, topic, filled, redis, 'log', {'snapshot_interval': '10min', 'user_expiry': 0, 'item_expiry': 0}, a.perf)
    if a.json:
        print(json.dumps(result))
        return
    parts = []
    if 'rows' in result:
        r = result['rows']
        print('%d shoppers, %d keys, %.0f MiB of state: %d rows and %d records in %.1f s, %.2f us CPU a row; by thread: %s' %
              (r['users'], r['keys'], r['state_mib'], r['rows'], r['records'], r['seconds'], r['cpu_s'] * 1e6 / max(r['rows'], 1), r['threads_cpu_s']))
        parts.append('%.0f rows/s' % (r['rows'] / r['seconds']))
    if 'log' in result:
        r = result['log']
        events = r['records'] / r['seconds']
        print('log: %d rows and %d records in %.1f s; the first pass processed %.0f events/s' % (r['rows'], r['records'], r['seconds'], r['processed_per_second']))
        parts.append('log %.0f records/s, the first pass %.0f events/s' % (events, r['processed_per_second']))
    print('=> restore: ' + '; '.join(parts))


main()
