#!/usr/bin/env python3
"""A group of many on a real Kafka: they join and leave under load, stand still, restart, restore, replay a year, and rest."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from shop import DAY, MINUTE, START, Shop
from stage import INPUTS, Counts, Stage, redis_equals, user_in

QUICK = {'snapshot_interval': '1s', 'commit_interval': '50ms'}


def owned(daemon):
    status, body = daemon.http('/metrics')
    return metrics_of(body).get('glint_partitions{state="running"}', 0) if status == 200 else 0


def owners(daemons, partitions):
    """every process runs something, and together they run everything"""
    wait_for(lambda: all(owned(d) > 0 for d in daemons) and sum(map(owned, daemons)) == partitions, 60,
             '%s own all' % ''.join(d.name for d in daemons))


def in_parts(traffic, n, span):
    """the events of each kind by time, n parts of equal length"""
    return [[[e for e in events if min(n - 1, (e['ts'] - START) * n // span) == k] for events in traffic] for k in range(n)]


def fill(s, part):
    for kind, events in zip(INPUTS, part):
        s.fill(kind, events)


def kept(daemon):
    """(partitions, kept in memory) of each assignment that it has logged"""
    return [tuple(map(int, x)) for x in re.findall(r'assigned (\d+) of \d+ partitions \((\d+) kept in memory', daemon.log_text())]


@case
def traffic_stops_and_time_goes_on(t):
    'When all traffic stops, a live shop\'s windows move on by the clock: an alert is raised and, when its reviews have left the window, resolved.'
    s = Stage(t, spike={'window': '1h', 'pane': '1min', 'cool_down': 0}, glint=dict(QUICK, settle='1s'))
    daemon = s.daemon()
    # whole minutes; the bad one is out of the window of 60 panes for the second judgement, which resolves, at a minute of the clock that is
    # at least 20 s away
    leaves = (int(time.time() * 1000) + 20000 + MINUTE - 1) // MINUTE * MINUTE
    bad = leaves - 62 * MINUTE

    def review(i, ts, text):  # a shopper counts once in a window
        return {'event_id': 'r%d' % i, 'ts': ts, 'user_id': user_in(i % 4, prefix='s%d-' % i), 'item_id': 'hat', 'rating': 1.0 if text == 'awful' else 5.0,
                'text': text}
    events = [review(i, bad - 40 * MINUTE + i * MINUTE, 'love it') for i in range(30)] + [review(100 + i, bad + 100 * i, 'awful') for i in range(40)]
    # every partition has a record of just now: within an hour of the clock the group is live
    now = int(time.time() * 1000) - 2000
    events += [dict(review(200 + p, now, 'okay'), item_id='coat') for p in range(4)]
    s.fill('reviews', events)
    db = s.redis.client()
    states = lambda: [dict(zip(f[::2], f[1::2])) for _, f in db.do('XRANGE', 'glint:alerts', '-', '+')]
    raised = wait_for(lambda: [x for x in states() if x['scope'] == 'item:hat' and x['state'] == 'raised'], 60, 'an alert is raised')
    assert raised[0]['id'] in db.do('HKEYS', 'glint:alerts:active') or time.time() * 1000 >= leaves
    wait_for(lambda: [x for x in states() if x['id'] == raised[0]['id'] and x['state'] == 'resolved'], 120, 'it is resolved')
    assert time.time() * 1000 >= leaves, 'before its time'
    wait_for(lambda: raised[0]['id'] not in db.do('HKEYS', 'glint:alerts:active'), 60, 'it is active no more')
    assert sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total') and 'applied' in k) == len(events)


@case
def a_campaign_that_stops_is_told_and_its_return_too(t):
    'A campaign whose traffic stops while the shop\'s goes on raises one alert, in the topic, the stream and the active hash; its return resolves it.'
    s = Stage(t, glint=QUICK)

    def shown(number, ts, campaign):
        return {'event_id': 'm%d' % number, 'ts': ts, 'user_id': user_in(number % 4, prefix='m%d-' % (number % 40)), 'action': 'IMPRESSION', 'item_id': 'hat',
                'campaign_id': campaign}
    # one impression every 2 minutes for a week, alternating; of the last 6 hours only one campaign's
    stops = START + 7 * DAY
    events = [shown(i, START + i * 2 * MINUTE, 'steady' if i % 2 or START + i * 2 * MINUTE >= stops else 'spring') for i in range(7 * 720 + 180)]
    s.fill('clicks', events)
    s.daemon()
    s.settled()
    db = s.redis.client()
    told = lambda: [dict(zip(f[::2], f[1::2])) for _, f in db.do('XRANGE', 'glint:alerts', '-', '+')]
    spring = lambda: [x for x in told() if x['scope'] == 'campaign:spring']
    assert [(x['kind'], x['state']) for x in spring()] == [('campaign_silence', 'raised')], told()
    assert stops < int(spring()[0]['ts']) <= stops + 6 * 60 * MINUTE and 'Campaign spring is silent' in spring()[0]['text_en'], spring()
    assert db.do('HKEYS', 'glint:alerts:active') == [spring()[0]['id']] and len(told()) == 1, told()
    # it comes back: for half an hour, so that a pane of it is over for all
    s.fill('clicks', [shown(10000 + i, events[-1]['ts'] + (i + 1) * MINUTE, 'spring') for i in range(40)])
    s.settled()
    assert [(x['id'], x['state']) for x in spring() if x['kind'] == 'campaign_silence'] == [(spring()[0]['id'], 'raised'), (spring()[0]['id'], 'resolved')], told()
    wait_for(lambda: spring()[0]['id'] not in db.do('HKEYS', 'glint:alerts:active'), 60, 'it is active no more')


@case
def one_to_four_and_back(t):
    'While records flow a group grows from one to four and shrinks to two; tasks move with their state, what stays keeps its memory; dump and Redis are exact.'
    s = Stage(t, partitions=8, kafka={'session.timeout.ms': 10000, 'heartbeat.interval.ms': 1000}, glint=QUICK)
    parts = in_parts(Shop(seed=91, users=1200, items=100, days=8, events=16000).traffic(), 5, 8 * DAY)
    daemons = [s.daemon('a')]
    fill(s, parts[0])
    for k, name in enumerate('bcd'):
        daemons.append(s.daemon(name, start=False).start(ready=False))
        fill(s, parts[k + 1])
        owners(daemons, 8)
    a, b, c, d = daemons
    # each join revokes everything for a moment; the first process' share only shrinks, and it restores nothing of it
    shares = kept(a)
    assert shares[0] == (8, 0) and shares[-1] == (2, 2), shares
    assert all(kept_now == n for n, kept_now in shares[1:]), shares
    c.kill9()
    assert b.term() == 0, b.log_tail()
    fill(s, parts[4])
    owners([a, d], 8)
    s.settled(200)
    dump = s.dump()
    s.same_counts(dump)
    redis_equals(s.redis.client(), Counts(dump))


@case
def a_restart_moves_nothing(t):
    'A process that is killed, or stopped, and is back within its session gets its own partitions again; the other one is not even asked.'
    s = Stage(t, kafka={'session.timeout.ms': 60000}, glint=QUICK)
    parts = in_parts(Shop(seed=92).traffic(), 3, 5 * DAY)
    a, b = s.daemon('a', start=False).start(ready=False), s.daemon('b', start=False).start(ready=False)
    owners([a, b], 4)
    fill(s, parts[0])
    before = len(a.log_text())
    for part, end in zip(parts[1:], (b.kill9, b.term)):
        had = len(b.log_text())
        end()
        fill(s, part)
        b.start()
        b.wait_log(r'assigned 2 of 4 partitions \(0 kept in memory, 2 to restore\)', after=had)
        owners([a, b], 4)
    assert not re.search('assigned|revoked|lost', a.log_text()[before:]), a.log_text()[before:]
    s.same_counts(s.settled().dump())


@case
def fenced_with_a_batch_half_sent(t):
    'A process stopped beyond its session with intervals sealed and batches stuck on their way to Redis is fenced: nothing of it is counted, nothing stale shown.'
    s = Stage(t, kafka={'session.timeout.ms': 6000}, glint=dict(QUICK, commit_interval='10ms', interval_bytes='256KiB'))
    sent = Shop(seed=93, users=1500, items=100, days=8, events=20000).traffic()
    one, two = s.daemon('one', start=False).start(ready=False), s.daemon('two', start=False).start(ready=False)
    owners([one, two], 4)
    s.fill('clicks', sent[0])
    os.kill(s.redis.pid(), signal.SIGSTOP)  # what is written from here on is stuck in sockets
    try:
        done = lambda: one.metrics()['glint_commits_total{fate="done"}']
        before = done()
        s.fill('purchases', sent[1])
        wait_for(lambda: done() > before + 3, 60, 'intervals are committed', 0.001)
        s.fill('reviews', sent[2])
        os.kill(one.pid, signal.SIGSTOP)
        try:
            wait_for(lambda: owned(two) == 4, 60, 'the other one has taken over')
        finally:
            os.kill(s.redis.pid(), signal.SIGCONT)  # and takes first what the stopped one had sent
            os.kill(one.pid, signal.SIGCONT)
    finally:
        os.kill(s.redis.pid(), signal.SIGCONT)
    one.wait_log(r'partitions lost to another process|clients are made anew')
    owners([one, two], 4)
    s.settled(200)
    dump = s.dump()
    s.same_counts(dump)
    redis_equals(s.redis.client(), Counts(dump))


@case
def restores_say_how_far_they_are(t):
    'A restore shows in /readyz, metrics and STATUS how many rows it has, of all its partitions at once, then says so in the log.'
    notify = t.notify_socket()
    s = Stage(t, glint=dict(QUICK, snapshot_interval='100ms'))
    daemon = s.daemon()
    s.fill_shop(Shop(seed=94, users=1500, items=100, events=12000))
    s.settled()
    daemon.kill9()
    before = len(daemon.log_text())
    daemon.env['NOTIFY_SOCKET'] = notify.path
    go_on = s.restores_held()  # for as long as we look
    daemon.start(ready=False)
    seen = r'restoring 4 of 4 partitions: (\d+) of at most (\d+) rows'

    def rows():
        found = re.search(seen, daemon.http('/readyz')[1])
        return found and int(found.group(1)) >= 1000 and int(found.group(2))
    total = wait_for(rows, 60, '/readyz says how far it is')
    metrics = daemon.metrics()
    assert metrics['glint_restore_rows_expected'] == total >= metrics['glint_restore_rows'] >= 1000, metrics
    assert metrics['glint_partitions{state="restoring"}'] == 4, metrics
    wait_for(lambda: any(re.match(r'STATUS=restoring: \d+ of at most %d rows' % total, x) for x in notify.read()), 60, 'STATUS')
    assert any(x.startswith('EXTEND_TIMEOUT_USEC=') for x in notify.read()) and 'READY=1' not in notify.read()
    assert daemon.http('/readyz')[0] == 503
    go_on()
    daemon.wait_ready()
    daemon.wait_log(r'restored 4 partitions: \d+ rows, \d+ records of the logs, in [\d.]+ s', after=before)
    wait_for(lambda: 'READY=1' in notify.read(), 60, 'READY=1')
    s.same_counts(s.settled().dump())


@case
def a_year_from_a_standing_start(t):
    'Four processes that begin on a year of history at once count it as one would, nothing late; at its end nothing moves any more.'
    s = Stage(t, partitions=8, glint={'max_drift': '7d'}, itemsets={'window': '30d', 'shown': 500, 'neighbours': 500})
    fill(s, Shop(seed=95, users=800, items=80, days=365, events=16000).traffic())
    daemons = [s.daemon(name, start=False).start(ready=False) for name in 'abcd']
    s.settled(200)
    counts = Counts(s.dump())
    assert counts.total('late') == 0 and counts.total('applied') == sum(len(read_jsonl(f)) for f in s.files), counts.counters
    s.same_counts(s.dump())
    # history is not live: its clock is its own
    assert min(map(owned, daemons)) > 0, list(map(owned, daemons))
    told = lambda: ({d.name: d.metrics()['glint_watermark_seconds'] for d in daemons}, s.redis.client().do('XLEN', 'glint:alerts'),
                    sorted(s.redis.client().do('HKEYS', 'glint:alerts:active')))
    wait_for(lambda: len(set(told()[0].values())) == 1, 60, 'all know the same time')
    before, until = told(), time.monotonic() + 2
    assert all(START / 1000 < x < START / 1000 + 367 * 86400 for x in before[0].values()), before
    wait_for(lambda: time.monotonic() > until, 5, 'a while of rest', 0.1)
    assert told() == before, (before, told())
    assert Counts(s.dump('later.jsonl')).watermarks == counts.watermarks


@case
def what_retention_took_is_named(t):
    'Records that retention took while no glintd ran are named as lost with topic and offsets, and counted; what is left is counted as ever.'
    s = Stage(t, glint=dict(QUICK, snapshot_interval='10min'))
    clicks = Shop(seed=96).traffic()[0]
    half = len(clicks) // 2
    s.fill('clicks', clicks[:half])
    daemon = s.daemon()
    s.settled()
    assert daemon.metrics()['glint_lost_records_total'] == 0
    assert daemon.term() == 0
    client = s.client()
    first, begin = client.bounds(s.topic('clicks'), 2)
    s.t.replay(s.config, 'clicks', clicks[half:])
    end = client.bounds(s.topic('clicks'), 2)[1]
    gone = (end - begin) // 3
    assert gone > 10
    client.delete_records({(s.topic('clicks'), 2): begin + gone})
    daemon.start()
    s.settled()
    wait_for(lambda: daemon.metrics()['glint_lost_records_total'] == gone, 60, 'the metric says how many')
    assert re.search(r'LOST: %s \[2\]: offsets %d to %d are gone' % (s.topic('clicks'), begin, begin + gone - 1), daemon.log_text()), daemon.log_tail()
    applied = sum(v for k, v in daemon.metrics().items() if k.startswith('glint_records_total') and 'applied' in k)
    assert applied == len(clicks) - gone, (applied, len(clicks), gone)
    # and what a restore would read again: it goes on with what is left
    daemon.kill9()
    before, at = len(daemon.log_text()), client.bounds(s.topic('clicks'), 1)
    client.delete_records({(s.topic('clicks'), 1): at[1]})
    daemon.start()
    daemon.wait_log(r'LOST: %s \[1\]: offsets \d+ to %d are gone' % (s.topic('clicks'), at[1] - 1), after=before)
    assert daemon.metrics()['glint_lost_records_total'] > 0
    s.settled()


main(at_once=4)
