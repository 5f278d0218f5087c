#!/usr/bin/env python3
"""kill -9 on a real Kafka: whatever the point, the next start goes on so that everything is counted once."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
import avrobytes as avro
from shop import DAY, START, Shop
from stage import INPUTS, Counts, Stage, user_in

SMALL = {'commit_interval': '20ms', 'interval_bytes': '256KiB'}


def killed_at(s, point, name='a'):
    """starts a daemon that stands still in that interval ('12': transaction open, '12+': committed), and kills it there; False when the
    group had caught up before, so that there is no such interval"""
    daemon = s.daemon(name, start=False, env={'GLINT_TEST_PAUSE_COMMIT': point})
    before = os.path.getsize(daemon.log_path) if os.path.exists(daemon.log_path) else 0
    daemon.start(ready=False)
    what = r'transaction %s, interval %s: ' % (('committed', point[:-1] + r'\b') if point.endswith('+') else ('open', point + r'\b'))
    begin = time.monotonic()

    def seen():
        if re.search(what, daemon.log_text()[before:]):
            return 'there'
        late = time.monotonic() - begin > 5  # not before: what is open holds back what wait reads
        return 'past' if late and s.t.ctl(s.config, 'wait', '--caught-up', '--timeout', '0.05', check=False).returncode == 0 else None
    found = wait_for(seen, 60, what, 0.05)
    daemon.kill9()
    return found == 'there'


def fill(s, part):
    for kind, events in zip(INPUTS, part):
        s.fill(kind, events)


def run(t, seed, points, snapshot, users=1500):
    """topics filled in three parts, a kill at each point, a last run to the end"""
    r = random.Random(seed)
    s = Stage(t, glint=dict(SMALL, snapshot_interval=snapshot))
    shop = Shop(seed=seed, users=users, items=120, days=8, events=24000)
    sent = shop.traffic()
    # in parts by time, clicks first: an order must find the touches before it, whenever it is read
    cuts = [0] + sorted(sent[0][r.randrange(len(sent[0]))]['ts'] for _ in range(2)) + [2 ** 62]
    parts = [[[e for e in events if a <= e['ts'] < b] for events in sent] for a, b in zip(cuts, cuts[1:])]
    fill(s, parts.pop(0))
    there = 0
    for point in points:
        there += killed_at(s, point)
        if parts:
            fill(s, parts.pop(0))
    while parts:
        fill(s, parts.pop(0))
    last = s.daemon()
    dump = s.settled().dump()
    s.same_counts(dump)
    return s, last, there


@case
def transaction_open(t):
    'Killed with a transaction open, three times in a row, the group counts every record once.'
    _, last, there = run(t, 21, ['2', '1', '6'], '300ms')
    assert there == 3, there
    assert 'records of the logs' in last.log_text()


@case
def before_any_row(t):
    'Killed in the first intervals, when no row was due, it begins at the beginning and counts every record once.'
    assert run(t, 22, ['1', '2', '3'], '10min')[2] == 3


@case
def right_after_a_commit(t):
    'Killed right after a commit, nothing of it is counted twice.'
    # each life's first intervals hold what was sent while nobody ran
    assert run(t, 23, ['1+', '2+', '1+', '8+'], '100ms')[2] == 4


@case
def seeded_points(t):
    'Killed at seeded points, open or committed, with rows more or less behind, the counts are the independent ones.'
    r = random.Random(24)
    points = ['%d%s' % (r.randrange(1, 14), r.choice(('', '+'))) for _ in range(5)]
    assert run(t, 24, points, '1s')[2] >= 3


@case
def during_a_restore(t):
    'Killed while it restores, twice, the next start restores again and counts every record once.'
    s = Stage(t, glint=dict(SMALL, snapshot_interval='10min'))
    s.fill_shop(Shop(seed=25, users=3000, items=200, days=8, events=40000))
    assert killed_at(s, '5')
    daemon = s.daemon(start=False)
    go_on, before = s.restores_held(), len(daemon.log_text())
    daemon.start(ready=False)
    daemon.wait_log(r'assigned 4 of 4 partitions \(0 kept in memory, 4 to restore\)', after=before)
    daemon.kill9()  # while it reads rows
    go_on()
    with open(t.path('crash'), 'w') as f:
        f.write('restore.log\n')
    daemon.env['GLINT_TEST_CRASH_AT'] = t.path('crash')
    daemon.start(ready=False)
    assert daemon.wait() == -signal.SIGKILL, daemon.log_tail()  # when it turns to the logs
    del daemon.env['GLINT_TEST_CRASH_AT']
    assert 'restored 4' not in daemon.log_text()[before:], daemon.log_tail()
    daemon.start()
    s.same_counts(s.settled().dump())


def records_of(daemon):
    return sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total{'))


@case
def a_row_that_cannot_be_read(t):
    'A row whose contents nobody can read stops commits when its shopper comes, by name, in log, /readyz and dump; with the row deleted all goes on.'
    s, user, partition = Stage(t), user_in(2), 2
    s.fill('clicks', [{'event_id': 'c%d' % i, 'ts': START + i, 'user_id': user_in(i % 4), 'action': 'VIEW', 'item_id': 'ring'} for i in range(8)])
    daemon = s.daemon()
    s.settled()
    assert daemon.term(30) == 0, daemon.log_tail()
    client, topic = s.client(), t.prefix + '-user-rows'
    segments, version = 6, 2
    row = b'\2' + avro.long(2) + avro.long(0) * 2 + avro.long(START) + b'\0' + bytes([segments, version, 1, 255])
    client.send(topic, b'\1\0' + (1 << 60).to_bytes(8, 'little') + row, b'\0\0' + user.encode(), partition)
    client.flush()
    s.fill('clicks', [{'event_id': 'next', 'ts': START + 1000, 'user_id': user, 'action': 'VIEW', 'item_id': 'ring'}])
    daemon.start(ready=False)
    dump = t.ctl(s.config, 'dump', check=False)
    assert dump.returncode == 69 and "the row of shopper '%s', partition %d, cannot be read" % (user, partition) in dump.stderr, dump
    daemon.wait_log(r"the row of shopper '%s', partition %d, cannot be read: nothing is committed on top of it" % (user, partition))
    wait_for(lambda: 'cannot be read' in daemon.http('/readyz')[1], 30, '/readyz says it')
    group = s.client(consumer=True, group_id=t.prefix)
    assert group.committed(s.topic('clicks'), 4)[partition] == 2
    client.send(topic, None, b'\0\0' + user.encode(), partition)
    client.flush()
    daemon.wait_ready()
    counts = Counts(s.settled().dump())
    assert counts.total('applied') == 9 and group.committed(s.topic('clicks'), 4)[partition] == 3, counts.counters


@case
def rows_behind_a_transaction_of_another(t):
    'Rows that lie behind an open transaction of somebody else are waited for: what the clock refused is refused again, and all is counted once.'
    s = Stage(t, glint=dict(SMALL, snapshot_interval='10min'))
    sent = s.fill_shop(Shop(seed=27, users=300, items=60, days=4, events=4000))
    total = sum(map(len, sent))
    daemon = s.daemon(start=False).start(ready=False)
    wait_for(lambda: daemon.http('/metrics')[0] == 200 and records_of(daemon) == total, 60, 'everything is counted')
    s.settled()
    other = s.client(transactional_id=t.prefix + '-other', transaction_timeout_ms=60000)
    other.transaction('init')
    other.transaction('begin')
    for p in range(4):
        other.send(t.prefix + '-user-rows', b'not for us', b'\0\0never', p)
    other.flush()
    soon, client = int(time.time() * 1000) + 3600000, s.client()
    for p in range(4):
        client.send(s.topic('reviews'), avro.review('ahead%d' % p, soon, user_in(p), 'ahead'), user_in(p).encode(), p)
    client.flush()
    group = s.client(consumer=True, group_id=t.prefix)
    ends = [client.bounds(s.topic('reviews'), p)[1] for p in range(4)]
    wait_for(lambda: group.committed(s.topic('reviews'), 4) == ends, 60, 'the refusals are committed')
    before = len(daemon.log_text())
    daemon.kill9()
    daemon.start(ready=False)
    daemon.wait_log(r'assigned \d+ of', after=before)
    end = time.monotonic() + 2
    wait_for(lambda: time.monotonic() > end or 'restored 4' in daemon.log_text()[before:], 5, 'the moment')
    assert 'restored 4' not in daemon.log_text()[before:], daemon.log_tail()
    other.transaction('abort')
    daemon.wait_ready()
    rows = []
    for line in read_jsonl(s.settled().dump()):
        if line['kind'] == 'counter' and line['topic'] == s.topic('reviews') and line['name'] == 'dead_lettered':
            line['n'] -= 1
        rows.append(line)
    s.same_counts(write_jsonl(t.path('less.jsonl'), rows))


@case
def without_any_warning(t):
    'Killed at seeded moments of a running stream, not at points of ours, the counts are the independent ones.'
    r = random.Random(26)
    s = Stage(t, glint=dict(SMALL, snapshot_interval='500ms'))
    sent = Shop(seed=26, users=800, items=100, days=8, events=20000).traffic()
    step = 8 * DAY // 5
    parts = [[[e for e in events if (e['ts'] - START) // step == k] for events in sent] for k in range(6)]
    daemon = s.daemon(start=False)
    for part in parts[:5]:
        daemon.start(ready=False)
        daemon.wait_log(r'assigned \d+ of')
        fill(s, part)
        end = time.monotonic() + r.random() * 0.8
        wait_for(lambda: time.monotonic() > end, 5, 'the moment', 0.01)  # pylint: disable=cell-var-from-loop
        daemon.kill9()
    fill(s, parts[5])
    daemon.start()
    s.same_counts(s.settled().dump())


main(at_once=3)
