#!/usr/bin/env python3
"""Counts of the whole runtime on a real Kafka: topics filled before glintd starts, dump and Redis against the independent count."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
import avrobytes as avro
from shop import HOUR, MINUTE, START, Shop
from stage import INPUTS, Counts, Stage, redis_equals, user_in


@case
def generated_shop(t):
    'Of a generated shop every pair, basket, rating, campaign figure and counter of dump and Redis is the independent count; none is late.'
    s = Stage(t, items=True)
    s.fill_shop(Shop(seed=11))
    s.daemon()
    dump = s.settled().dump()
    s.same_counts(dump)
    counts = Counts(dump)
    assert counts.total('late') == counts.total('duplicate') == counts.total('dead_lettered') == 0
    assert redis_equals(s.redis.client(), counts)[0] > 50


@case
def spoilt_traffic(t):
    'Repeats, late, disordered, impossible and undecodable records each end in one counter and change nothing that is counted.'
    s = Stage(t)
    s.fill_shop(Shop(seed=12, days=6), spoil=True)
    soon = int(time.time() * 1000) + 3600000
    poison = [b'', b'\xff' * 9, b'\x02e', b'\x00\x00\x00\x00\x07abc', b'\xc3\x01' + b'\0' * 8 + b'x', bytes(range(256))]
    poison += [avro.review('bell\x07', START, 'u00001', 'good'), avro.review('', START, 'u00001', 'good'), avro.review('x', 0, 'u00001', 'good'),
               avro.review('x', -5, 'u00001', 'good'), avro.review('x', soon, 'u00001', 'ahead'), avro.review('x', START, 'u00001', '', rating=7),
               avro.review('x', START, 'u00001', '', item=None), avro.review('x', START, b'\xc3\x28', 'good')]
    client = s.client()
    for p in range(4):
        for bytes_ in poison:
            client.send(s.topic('reviews'), bytes_, user_in(p).encode(), p)
        client.send(s.topic('clicks'), None, user_in(p).encode(), p)  # a tombstone has nothing to count
    client.flush()
    s.daemon()
    dump = s.settled().dump()
    counts = Counts(dump)
    for p in range(4):
        assert counts.counters[s.topic('clicks'), p, 'filtered'] == 1, counts.counters
    # what the files do not hold is taken off, then all must be equal
    rows = []
    for line in read_jsonl(dump):
        if line['kind'] == 'counter' and line['name'] == 'filtered':
            continue
        if line['kind'] == 'counter' and line['topic'] == s.topic('reviews') and line['name'] == 'dead_lettered':
            line['n'] -= len(poison)
        rows.append(line)
    s.same_counts(write_jsonl(t.path('less.jsonl'), rows))
    assert counts.total('dead_lettered') == 4 * len(poison)
    for name in ('late', 'duplicate'):
        assert counts.total(name) > 20, (name, counts.counters)
    redis_equals(s.redis.client(), counts)


@case
def window_of_days(t):
    'With a window of 2 days pairs and baskets are those of the panes up to the final watermark, in dump and in Redis.'
    s = Stage(t, itemsets={'window': '2d', 'shown': 500, 'neighbours': 500})
    s.fill_shop(Shop(seed=13, days=6))
    s.daemon()
    dump = s.settled().dump()
    counts = Counts(dump)
    marks = {v for k, v in counts.watermarks.items() if k.startswith('i')} or set(counts.watermarks.values())
    assert len(marks) == 1, counts.watermarks
    s.same_counts(dump, '--watermark', marks.pop())
    redis_equals(s.redis.client(), counts)


@case
def minutes_of_campaigns(t):
    "After a replay, and after a restart, a campaign's stream has each completed minute once, with what the events of that minute add up to."
    s = Stage(t)
    sent = Shop(seed=14, days=1, events=12000).traffic()
    for kind, events in zip(INPUTS, sent):
        s.fill(kind, [e for e in events if e.get('kind') != 'REFUND' and e['ts'] < START + 20 * HOUR])
    daemon = s.daemon()
    s.settled()
    db = s.redis.client()
    fields = {'IMPRESSION': 'impressions', 'CLICK': 'clicks', 'ADD_TO_CART': 'carts'}
    wanted = {}
    end = max(e['ts'] for events in sent for e in events if e.get('kind') != 'REFUND' and e['ts'] < START + 20 * HOUR) - 10000  # settle
    for e in sent[0]:
        if e.get('campaign_id') and e['action'] in fields and e['ts'] < end // MINUTE * MINUTE and e['ts'] < START + 20 * HOUR:
            minute = wanted.setdefault(e['campaign_id'], {}).setdefault(e['ts'] // MINUTE, {})
            minute[fields[e['action']]] = minute.get(fields[e['action']], 0) + 1

    def check():
        for campaign, minutes in wanted.items():
            entries = db.do('XRANGE', 'glint:campaign:%s:minutes' % campaign, '-', '+')
            assert [i for i, _ in entries] == sorted({i for i, _ in entries}), campaign
            found = {int(i[:-2]) // MINUTE: dict(zip(f[::2], map(int, f[1::2]))) for i, f in entries}
            for minute, want in minutes.items():
                assert minute in found, (campaign, minute, len(found))
                assert {k: found[minute][k] for k in want} == want, (campaign, minute, want, found[minute])
            assert len(minutes) > 100, len(minutes)
        return wanted
    check()
    daemon.kill9()
    daemon.start()
    s.settled()
    check()
    assert 'refused' not in daemon.log_text(), daemon.log_tail()


@case
def shared_data_for_ever(t):
    'Of all shared data, with window 0, every count of the dump is the independent count and every record is in one counter, none late.'
    clicks, orders, items = (shared_data(n + '.jsonl.gz') for n in ('eshop-clicks', 'retail-purchases', 'eshop-items'))
    reviews = [shared_data(n + '.jsonl.gz') for n in ('movie-ratings', 'clothing-reviews')]
    s = Stage(t, items=True, itemsets={'window': 0})
    s.fill('items', items)
    s.fill('clicks', clicks)
    s.fill('purchases', orders)
    s.fill('reviews', *reviews)
    oracle = s.counting()
    s.daemon()
    dump = s.settled(200).dump()
    print(s.same_counts(dump, oracle=oracle()))
    counts = Counts(dump)
    assert counts.total('late') == 0
    print('lists and pairs of Redis: %d, %d' % redis_equals(s.redis.client(), counts, most=20, neighbours=50))


@case
def shared_clicks_in_a_window(t):
    'Of the shop clicks, with a window of 30 days, pairs and baskets are the independent count at the final watermark.'
    s = Stage(t, items=True, itemsets={'window': '30d', 'shown': 500, 'neighbours': 500})
    s.fill('items', shared_data('eshop-items.jsonl.gz'))
    s.fill('clicks', shared_data('eshop-clicks.jsonl.gz'))
    s.daemon()
    dump = s.settled(200).dump()
    counts = Counts(dump)
    s.same_counts(dump, '--watermark', max(counts.watermarks.values()))
    redis_equals(s.redis.client(), counts)


main(at_once=2)
