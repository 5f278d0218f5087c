#!/usr/bin/env python3
"""How fast a killed glintd is back: rows a second, and the log replayed beside how fast it was processed. One machine, real Kafka.

A topic of clicks (gen_clicks), worked off by one glintd; when all is in rows it is killed (kill -9) and started again, --runs times:
  rows    it reads every row; its own log line says how many, and how long that took from the first to the last. Beside it what
          librdkafka alone needs to hand out the same rows (raw_consume), the ceiling
  log     another group with rows so seldom (snapshot_interval 10 min) that hardly one is written: the restart applies the whole log
          again, user stage and item stage, which is set beside the first pass' own speed, from "assigned" to the last commit
CPU is /proc/PID/stat's of the restart until it has restored, from before its first row on: its start is part of it. Called by `make
bench`; it asserts nothing on speed.
"""
import argparse
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0])
from benchlib import *

RESTORED = re.compile(r"restored \d+ partitions: (\d+) rows, (\d+) records of the logs, in ([\d.]+) s; the rows' ([\d.]+) MB took ([\d.]+) s, the logs ([\d.]+) s")


def counted(daemon):
    return sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total'))


def restart(daemon, clicks, perf):
    """a kill and a restart; the restart's figures"""
    daemon.kill9()
    before = len(daemon.log_text())
    daemon.start(ready=False)
    if perf:
        recorder = subprocess.Popen(['perf', 'record', '-q', '-F', '1999', '-g', '-o', perf, '-p', str(daemon.pid)], stdin=subprocess.DEVNULL)
    line = wait_for(lambda: RESTORED.search(daemon.log_text()[before:]), 300, 'restored', 0.01)
    cpu, threads = cpu_s(daemon.pid), cpu_of_threads(daemon.pid)
    if perf:
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
    daemon.wait_ready()
    assert counted(daemon) == clicks, (counted(daemon), clicks)
    return {'rows': int(line.group(1)), 'records': int(line.group(2)), 'seconds': float(line.group(3)), 'row_mb': float(line.group(4)),
            'rows_s': float(line.group(5)), 'logs_s': float(line.group(6)), 'cpu_s': cpu, 'threads_cpu_s': threads,
            'resident_mib': resident_mib(daemon.pid)}


def resident_mib(pid):
    with open('/proc/%d/status' % pid) as f:
        return int(re.search(r'VmRSS:\s+(\d+) kB', f.read()).group(1)) / 1024


def passes(t, kafka, topic, filled, redis, name, glint, a):
    """a first pass and restarts; the figures of the first and of the restart that took the median time"""
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
    runs = [restart(daemon, filled['clicks'], a.perf if i == a.runs - 1 else None) for i in range(a.runs)]
    assert daemon.term(30) == 0, daemon.log_tail()
    part = 'rows_s' if name == 'rows' else 'logs_s'
    result = sorted(runs, key=lambda r: r[part])[(a.runs - 1) // 2]
    result.update({'processed_per_second': filled['clicks'] / took, 'users': metrics['glint_users'], 'keys': metrics['glint_keys'],
                   'state_mib': metrics['glint_state_bytes'] / 2**20, 'runs_s': [r[part] for r in runs]})
    if name == 'rows':
        result['raw'] = {x: raw(kafka, group + '-' + x) for x in ('user-rows', 'item-rows')}
    return result


def raw(kafka, topic):
    return json.loads(run_program([program('raw_consume'), kafka.address, topic], 300).stdout)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--events', type=int, default=1000000)
    p.add_argument('--users', type=int, default=500000)
    p.add_argument('--items', type=int, default=5000)
    p.add_argument('--runs', type=int, default=3, help='restarts of each; the one of median time counts')
    p.add_argument('--only', choices=('rows', 'log'))
    p.add_argument('--json', action='store_true')
    p.add_argument('--perf', metavar='FILE', help='perf record of the last restart (its time is then longer)')
    a = p.parse_args()
    result = {}
    with stage('restore') as t:
        kafka, redis = t.own_kafka(), t.redis()
        topic = t.prefix + '-clicks'
        t.topics_create(t.config(brokers=kafka.address))
        filled = fill(kafka, topic, a.events, a.users, a.items, 1)
        if a.only != 'log':
            result['rows'] = passes(t, kafka, topic, filled, redis, 'rows', {'snapshot_interval': '2s', 'user_expiry': 0, 'item_expiry': 0}, a)
        if a.only != 'rows':
            result['log'] = passes(t, kafka, topic, filled, redis, 'log', {'snapshot_interval': '10min', 'user_expiry': 0, 'item_expiry': 0}, a)
    if a.json:
        print(json.dumps(result))
        return
    parts = []
    if 'rows' in result:
        r = result['rows']
        print('%d shoppers, %d keys, %.0f MiB of state, %.0f MiB resident: %d rows of %.0f bytes and %d records, %.2f us CPU a row; by thread: %s; all restarts: %s s' %
              (r['users'], r['keys'], r['state_mib'], r['resident_mib'], r['rows'], r['row_mb'] * 1e6 / r['rows'], r['records'], r['cpu_s'] * 1e6 / max(r['rows'], 1),
               r['threads_cpu_s'], r['runs_s']))
        for x, y in r['raw'].items():
            print('librdkafka alone: %s: %d rows of %.0f bytes, %.0f rows/s, %.0f MB/s, %.2f us CPU a row' %
                  (x, y['messages'], y['bytes'] / y['messages'], y['per_second'], y['bytes'] / y['seconds'] / 1e6, y['cpu_us']))
        both = r['raw'].values()
        parts.append('%.0f rows/s, %.0f MB/s, %.2f of raw librdkafka; %.1f s from assignment to restored' %
                     (r['rows'] / r['rows_s'], r['row_mb'] / r['rows_s'], sum(y['seconds'] for y in both) / r['rows_s'], r['seconds']))
    if 'log' in result:
        r = result['log']
        print('log: %d rows in %.2f s, %d records in %.2f s; the first pass processed %.0f events/s; all restarts: %s s' %
              (r['rows'], r['rows_s'], r['records'], r['logs_s'], r['processed_per_second'], r['runs_s']))
        parts.append('log %.0f records/s, the first pass %.0f events/s' % (r['records'] / r['logs_s'], r['processed_per_second']))
    print('=> restore: ' + '; '.join(parts))


main()
