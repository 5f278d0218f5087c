#!/usr/bin/env python3
"""What glintd shows to those who run it: readiness, metrics, what it tells systemd, and how it answers a bad configuration."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
import contextlib
import ctypes
import socket
import urllib.request
from glintlib import *
from shop import Shop

INPUTS = ('clicks', 'purchases', 'reviews')
QUICK = {'commit_interval': '50ms'}


def ready_parts(daemon):
    """(status, {part: ready}) of /readyz"""
    status, body = daemon.http('/readyz')
    return status, {k: v['ready'] for k, v in json.loads(body)['parts'].items()} if status else {}


# --- Prometheus text, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ ---

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
SAMPLE = re.compile(r'(%s)(?:\{(.*)\})? (\S+)$' % NAME)
PARTS_OF = {'histogram': ('_bucket', '_sum', '_count'), 'summary': ('', '_sum', '_count')}


def exposition(text):
    """{family: (type, {(name, labels): value})}; an AssertionError at whatever the format does not allow"""
    assert text.endswith('\n') and '\r' not in text
    families, current, helped, series = {}, None, set(), set()
    for line in text[:-1].split('\n'):
        if line.startswith('# HELP '):
            match = re.fullmatch(r'# HELP (%s) ((?:[^\\]|\\\\|\\n)*)' % NAME, line)
            assert match and match.group(1) not in helped, line
            helped.add(match.group(1))
        elif line.startswith('# TYPE '):
            match = re.fullmatch(r'# TYPE (%s) (counter|gauge|histogram|summary|untyped)' % NAME, line)
            assert match and match.group(1) not in families, line
            assert match.group(1) in helped, 'no HELP before ' + line
            current = match.group(1)
            families[current] = (match.group(2), {})
        else:
            match = SAMPLE.match(line)
            assert match, 'not a sample: %r' % line
            name, labels, value = match.groups()
            kind, samples = families[current]
            assert name in [current + x for x in PARTS_OF.get(kind, ('',))], (current, line)
            pairs, at = [], 0
            while labels and at < len(labels):
                label = LABEL.match(labels, at)
                assert label, line
                pairs.append(label.groups()[:2])
                at = label.end()
            key = name, tuple(sorted(pairs))
            assert len({k for k, _ in pairs}) == len(pairs) and key not in series, 'twice: ' + line
            series.add(key)
            samples[key] = float(value.replace('Inf', 'inf'))
            assert kind != 'counter' or samples[key] >= 0, line
    for family, (kind, samples) in families.items():
        if kind == 'histogram':
            histogram(family, samples)
    return families


def histogram(family, samples):
    """each series' buckets rise up to +Inf, which is its count"""
    rows = {}
    for (name, labels), value in samples.items():
        rest = tuple(x for x in labels if x[0] != 'le')
        row = rows.setdefault(rest, {'buckets': []})
        if name.endswith('_bucket'):
            row['buckets'].append((float(dict(labels)['le'].replace('Inf', 'inf')), value))
        else:
            row[name[len(family):]] = value
    for row in rows.values():
        counts = [n for _, n in row['buckets']]
        bounds = [b for b, _ in row['buckets']]
        assert bounds == sorted(bounds) and counts == sorted(counts), (family, row)
        assert bounds[-1] == float('inf') and counts[-1] == row['_count'] and '_sum' in row, (family, row)


@case
def ready_both_ways(t):
    '/readyz says no while Redis is away, naming it, and yes when it is back; /livez stays 200; what nobody serves is 404.'
    redis = t.redis()
    daemon, _ = t.embedded(redis, glint=QUICK)
    status, parts = ready_parts(daemon)
    assert status == 200 and parts == {'kafka': True, 'assigned': True, 'restored': True, 'redis': True}, parts
    for number in ('TERM', 'KILL'):
        redis.stop(number)
        wait_for(lambda: daemon.http('/readyz')[0] == 503, 60, 'it is not ready')
        parts = ready_parts(daemon)[1]
        assert parts == {'kafka': True, 'assigned': True, 'restored': True, 'redis': False}, parts
        assert daemon.http('/livez')[0] == 200
        wait_for(lambda: daemon.metrics()['glint_redis_connected'] == 0, 60, 'the metric says so')
        redis.start()
        daemon.wait_ready(20)
    assert daemon.http('/livez')[0] == 200 and daemon.http('/nothing')[0] == 404


@case
def metrics_are_prometheus_text(t):
    '/metrics is Prometheus text 0.0.4 to a strict reader, and the counters of the inputs add up to what was sent.'
    daemon, config = t.embedded(t.redis(), glint=QUICK)
    sent = dict(zip(INPUTS, Shop(seed=81, users=100, items=30, events=1500).traffic()))
    repeats = sent['clicks'][-20:]
    for kind, events in sent.items():
        t.replay(config, kind, events + (repeats if kind == 'clicks' else []))
    t.caught_up(config)
    wanted = {k: len(v) + (len(repeats) if k == 'clicks' else 0) for k, v in sent.items()}

    def totals():
        kind, samples = exposition(daemon.http('/metrics')[1])['glint_records_total']
        assert kind == 'counter'
        found = {}
        for (_, labels), value in samples.items():
            labels = dict(labels)
            assert set(labels) == {'topic', 'partition', 'outcome'}, labels
            found[labels['topic'], labels['outcome']] = found.get((labels['topic'], labels['outcome']), 0) + value
        return found
    found = wait_for(lambda: (lambda f: f if sum(f.values()) == sum(wanted.values()) else None)(totals()), 60, 'all records are in the counters')
    for kind, n in wanted.items():
        mine = {o: v for (topic, o), v in found.items() if topic == '%s-%s' % (t.prefix, kind)}
        assert set(mine) == {'applied', 'duplicate', 'late', 'filtered', 'dead_lettered'} and sum(mine.values()) == n, (kind, mine, n)
        assert mine['duplicate'] == n - len(sent[kind]) and mine['applied'] == len(sent[kind]), (kind, mine)
    with urllib.request.urlopen('http://127.0.0.1:%d/metrics' % daemon.http_port, timeout=5) as answer:
        assert answer.headers['Content-Type'].startswith('text/plain; version=0.0.4'), answer.headers['Content-Type']
        families = exposition(answer.read().decode())
    assert families['glint_commit_seconds'][0] == 'histogram' and families['glint_users'][1]['glint_users', ()] > 50
    assert all(name.endswith('_total') == (kind == 'counter') for name, (kind, _) in families.items() if name.startswith('glint_')), families.keys()


@case
def the_reader_is_strict(t):
    'The reader of these tests refuses what the format does not allow.'
    head = '# HELP a_total A.\n# TYPE a_total counter\n'
    assert exposition(head + 'a_total{x="1\\"\\\\\\n"} 1e3\na_total 2\n')['a_total'][0] == 'counter'
    for bad in (head + 'a_total 1', head + 'a_total 1\na_total 1\n', head + 'b_total 1\n', head + 'a_total{x=1} 1\n', head + 'a_total{x="1" 1\n',
                head + 'a_total{x="\\t"} 1\n', head + 'a_total -1\n', head + 'a_total\n', head + head, '# TYPE a counter\na 1\n', head + '\na_total 1\n',
                head + 'a_total{x="1",x="2"} 1\n', 'a 1\n', '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_sum 1\na_count 2\n'):
        try:
            exposition(bad)
        except (AssertionError, KeyError):
            continue
        raise AssertionError('taken: %r' % bad)


def config_of(t, text):
    with open(t.path('bad.conf'), 'w') as f:
        f.write(text)
    return t.path('bad.conf')


def glintd(*args):
    return run_program([os.path.join(BUILD, 'glintd')] + list(args), 20, check=False)


@case
def all_errors_at_once(t):
    '--check-config reports every error at once, each with file and line, and ends with 78; a start does so too, and serves nothing.'
    path = config_of(t, '[kafka]\nbootstrap.servers = 127.0.0.1:1\ngroup.id = x\nenable.auto.commit = true\n\n[topics]\nclicks = a\n'
                     '[glint]\ncommit_interval = 0\ncomit_interval = 5s\n[itemsets]\npane = banana\n[nonsense]\nx = 1\n')
    done = glintd('--check-config', '--config', path)
    assert done.returncode == 78, done
    lines = done.stderr.splitlines()
    for number, word in ((4, 'enable.auto.commit'), (9, 'glint.commit_interval'), (10, "did you mean 'commit_interval'"), (12, "'banana'"), (13, 'nonsense')):
        assert any(x.startswith('%s:%d: ' % (path, number)) and word in x for x in lines), (number, word, lines)
    assert lines[-1] == '%d errors' % (len(lines) - 1), lines
    start = glintd('--config', path)
    assert start.returncode == 78 and start.stderr.splitlines() == lines[:-1], start
    fine = glintd('--check-config', '--config', os.path.join(TOP, 'conf/glintd.conf'))
    assert fine.returncode == 0 and not fine.stderr, fine


@case
def secrets_are_masked(t):
    '--dump-config shows every setting with its origin and no secret, not even one that stands in a file.'
    with open(t.path('password'), 'w') as f:
        f.write('of-a-file-9\n')
    os.chmod(t.path('password'), 0o600)
    path = config_of(t, '[kafka]\nbootstrap.servers = 127.0.0.1:1\ngroup.id = x\nsasl.username = shop\nsasl.password = hunter2-plain\n'
                     'ssl.key.password = file:%s\n[topics]\nclicks = a\n[redis]\npassword_file = %s\n' % (t.path('password'), t.path('password')))
    done = glintd('--dump-config', '--config', path, '--set', 'glint.commit_interval=70ms')
    assert done.returncode == 0, done
    for secret in ('hunter2', 'of-a-file'):
        assert secret not in done.stdout + done.stderr, done.stdout
    rows = {x.split(' = ')[0]: x.split(' = ')[1] for x in done.stdout.splitlines() if ' = ' in x}
    assert rows['sasl.password'].split()[0] == '********' and rows['sasl.password'].endswith('; %s:5' % path), rows['sasl.password']
    assert rows['sasl.username'].startswith('shop ') and t.path('password') in rows['password_file'], rows
    assert rows['commit_interval'].split() == ['70ms', ';', '--set'] and rows['shutdown_timeout'].endswith('; default'), rows


@case
def systemd_is_told(t):
    'systemd is told READY once, then a STATUS with figures, WATCHDOG in time, STOPPING at the end, each when it is so.'
    notify = t.notify_socket()
    config = t.config('embedded-base.conf', redis=t.redis(), glint=QUICK)
    daemon = t.glintd(config, 'a', ['--embedded'], env={'NOTIFY_SOCKET': notify.path, 'WATCHDOG_USEC': '1000000'})
    ready = wait_for(lambda: [x for x in notify.read() if x == 'READY=1'], 60, 'READY=1')
    assert len(ready) == 1
    wait_for(lambda: [x for x in notify.read() if re.match(r'STATUS=\d+ events/s, lag \d+ records, \d+ partitions', x)], 60, 'a STATUS with figures')
    wait_for(lambda: 'WATCHDOG=1' in notify.read(), 60, 'WATCHDOG=1')
    assert 'STOPPING=1' not in notify.read()
    assert daemon.term() == 0
    lines = notify.read()
    assert lines.count('READY=1') == 1 and lines.count('STOPPING=1') == 1, lines
    assert any(x.startswith('STATUS=stopping') for x in lines[lines.index('STOPPING=1'):]), lines


@case
def fed_by_progress_alone(t):
    'While the loop stands still the watchdog is not fed, though the other threads answer; when it goes on, it is.'
    notify = t.notify_socket()
    config = t.config('embedded-base.conf', redis=t.redis(), glint=QUICK)
    daemon = t.glintd(config, 'a', ['--embedded'], env={'NOTIFY_SOCKET': notify.path, 'WATCHDOG_USEC': '600000'})
    fed = lambda: notify.read().count('WATCHDOG=1')
    wait_for(lambda: fed() > 2, 60, 'WATCHDOG=1')
    with standing_thread(daemon.pid):
        before, until = fed(), time.monotonic() + 1.5
        wait_for(lambda: time.monotonic() > until, 3, 'five feedings long', 0.1)
        assert fed() <= before + 1, 'fed by another thread than the loop'  # one may have been under way
        assert daemon.http('/metrics')[0] == 200
    before = fed()
    wait_for(lambda: fed() > before, 60, 'WATCHDOG=1 again')


@contextlib.contextmanager
def standing_thread(tid):
    """stops one thread, not its process (ptrace; we are its parent)"""
    libc = ctypes.CDLL(None, use_errno=True)
    seize, interrupt, detach = 0x4206, 0x4207, 17
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(seize, tid, None, None) < 0:
        skip('ptrace is not allowed here: ' + os.strerror(ctypes.get_errno()))
    assert libc.ptrace(interrupt, tid, None, None) == 0
    os.waitpid(tid, 0x40000000)  # __WALL
    try:
        yield
    finally:
        libc.ptrace(detach, tid, None, None)


@case
def reloaded_whole_or_not_at_all(t):
    'SIGHUP takes over all that changed while events flow, or nothing, and says what and why in log, metric and STATUS.'
    notify, redis = t.notify_socket(), t.redis()
    base = dict(name='embedded-base.conf', redis=redis, items=True)
    config = t.config(glint=QUICK, recommend={'list_size': 9}, **base)
    daemon = t.glintd(config, 'a', ['--embedded'], env={'NOTIFY_SOCKET': notify.path})
    ctl = wait_for(lambda: os.path.exists(t.path('run/embedded.conf')) and t.path('run/embedded.conf'))
    shop = Shop(seed=82, users=60, items=40, events=3000)
    t.replay(ctl, 'items', shop.items())
    clicks, orders, reviews = shop.traffic()
    t.replay(ctl, 'clicks', clicks)
    t.caught_up(ctl)
    db = redis.client()
    sizes = lambda: {len(db.json(k)['items']) for k in db.keys('glint:recs:u*')}
    assert max(sizes()) == 9, sizes()

    def reload(result, **sections):
        before, count = len(daemon.log_text()), daemon.metrics()['glint_config_reloads_total{result="%s"}' % result]
        told = len([x for x in notify.read() if x == 'RELOADING=1'])
        t.config(**base, **sections)
        os.kill(daemon.pid, signal.SIGHUP)
        wait_for(lambda: daemon.metrics()['glint_config_reloads_total{result="%s"}' % result] == count + 1, 60, 'a reload is ' + result)
        wait_for(lambda: [x for x in notify.read() if x == 'RELOADING=1'][told:], 60, 'RELOADING=1')
        wait_for(lambda: notify.read()[-1 - notify.read()[::-1].index('RELOADING=1'):].count('READY=1') == 1, 60, 'READY=1 after RELOADING=1')
        return daemon.log_text()[before:]

    # an error, and beside it a change that would be fine
    log = reload('refused', glint=dict(QUICK, log_level='noisy', max_users=5000), recommend={'list_size': 4})
    assert "glint.log_level: 'noisy' is none of the choices" in log and 'reload refused, nothing has changed: 1 error' in log, log
    wait_for(lambda: [x for x in notify.read() if re.match(r'STATUS=\d+ events/s.*; reload refused: .*noisy', x)], 60, 'STATUS goes on saying so')
    # a change that needs a restart
    log = reload('refused', glint=QUICK, recommend={'list_size': 4}, spike={'alpha': '0.01'}, itemsets={'window': '20d'})
    assert all('%s: has changed, and needs a restart' % x in log for x in ('spike.alpha', 'itemsets.window')) and '2 errors' in log, log
    t.replay(ctl, 'purchases', orders)
    t.caught_up(ctl)
    assert max(sizes()) == 9, sizes()
    # and one that is fine
    log = reload('applied', glint=dict(QUICK, log_level='debug'), recommend={'list_size': 4})
    assert 'recommend.list_size: 9 -> 4' in log and 'glint.log_level: info -> debug' in log and 'reloaded: 2 changes are in force' in log, log
    wait_for(lambda: max(sizes()) == 4, 60, 'lists of the new size, also of who does nothing')
    t.replay(ctl, 'reviews', reviews)
    t.caught_up(ctl)
    assert max(sizes()) == 4, sizes()
    wait_for(lambda: [x for x in notify.read()[-3:] if re.match(r'STATUS=\d+ events/s[^;]*$', x)], 60, 'STATUS has forgotten the refusal')
    assert 'nothing' not in reload('unchanged', glint=dict(QUICK, log_level='debug'), recommend={'list_size': 4})
    counted = sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total') and 'applied' in k)
    assert counted == len(clicks) + len(orders) + len(reviews), counted
    assert notify.read().count('READY=1') == 5, 'the start, and one for each reload'


@case
def a_port_in_use(t):
    'A port of glint.http that another process has is named in a sentence, and the exit code is 69.'
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen(1)
        daemon = t.glintd(t.config('c.conf', redis='redis://127.0.0.1:1/0'), 'a', ['--embedded'], start=False)
        daemon.http_port = taken.getsockname()[1]
        assert daemon.start(ready=False).wait() == 69, daemon.log_tail()
    errors = [x for x in daemon.log_text().splitlines() if ' error ' in x]
    assert len(errors) == 1 and '127.0.0.1 port %d: Address already in use; set glint.http' % daemon.http_port in errors[0], daemon.log_tail()


main()
