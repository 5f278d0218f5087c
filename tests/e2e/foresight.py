#!/usr/bin/env python3
"""Forecasts and searches beside the daemon with its embedded broker: what Redis says of events whose figures are known."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *

SETTINGS = {'glint': {'commit_interval': '50ms', 'user_expiry': 0, 'item_expiry': 0, 'max_drift': '365d'}}
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 19_676 * DAY  # midnight, 2023-11-15


class Events:
    def __init__(self):
        self.clicks, self.purchases = [], []

    def click(self, ts, user, action, **more):
        self.clicks.append({'event_id': 'c%d' % len(self.clicks), 'ts': ts, 'user_id': user, 'action': action, **more})

    def order(self, ts, user, *lines):
        n = len(self.purchases)
        self.purchases.append({'event_id': 'p%d' % n, 'ts': ts, 'user_id': user, 'order_id': 'o%d' % n, 'currency': 'EUR',
                               'lines': [{'item_id': i, 'quantity': q, 'unit_price_minor': 1000} for i, q in lines]})

    def send(self, t, config):
        """by time, whole"""
        for topic in ('clicks', 'purchases'):
            if getattr(self, topic):
                t.replay(config, topic, sorted(getattr(self, topic), key=lambda e: e['ts']))
        t.caught_up(config)


@case
def forecasts(t):
    'Sales that repeat each week are forecast as they were, of an item, its category and the shop; what sells too rarely has no forecast.'
    week = [20, 24, 30, 16, 28, 40, 12]
    redis = t.redis()
    _, config = t.embedded(redis, **SETTINGS)
    t.replay(config, 'items', [{'item_id': i, 'title': i, 'category': 'rings', 'price_minor': 1000, 'currency': 'EUR', 'available': True}
                               for i in ('often', 'rare')])
    events = Events()
    for day in range(28):
        events.order(START + day * DAY + 9 * HOUR, 'u%d' % day, ('often', week[day % 7] - 5))
        events.order(START + day * DAY + 15 * HOUR, 'v%d' % day, ('often', 5), *([('rare', 1)] if day % 14 == 0 else []))
    events.click(START + 28 * DAY + HOUR, 'w', 'VIEW', item_id='often')  # the days before are over
    events.send(t, config)
    db = redis.client()
    view = wait_for(lambda: db.json('glint:forecast:item:often'), 20, 'the forecast')
    assert view['unit'] == 'pieces a day' and abs(view['level'] - sum(week) / 7) < 1e-4 and abs(view['trend']) < 1e-4 and view['rmse'] < 1e-4, view
    assert [d['day'] for d in view['days']] == [START + (28 + h) * DAY for h in range(14)], view
    for h, d in enumerate(view['days']):
        assert all(abs(d[k] - week[h % 7]) < 1e-3 for k in ('expected', 'low', 'high')), (h, d)
    assert 0 < db.do('PTTL', 'glint:forecast:item:often')
    assert db.json('glint:forecast:item:rare') is None
    for scope in ('category:rings', 'all'):  # with the rare item: errors, so bounds that hold the forecast between them
        days = wait_for(lambda: db.json('glint:forecast:' + scope), 20, scope)['days']
        assert len(days) == 14 and all(d['low'] < d['expected'] < d['high'] for d in days), (scope, days)
        assert all(abs(d['expected'] - week[h % 7]) < 2 for h, d in enumerate(days)), (scope, days)


@case
def searches(t):
    'Queries are counted as one however they are written, answered or not, and not told of fewer shoppers than k.'
    redis = t.redis()
    _, config = t.embedded(redis, **SETTINGS)
    events = Events()
    for u in range(12):
        at = START + u * MINUTE
        events.click(at, 'u%d' % u, 'SEARCH', query=('Gold  Ring', 'gold ring ', 'GOLD RING')[u % 3])
        if u < 5:
            events.click(at + MINUTE, 'u%d' % u, 'VIEW', item_id='r%d' % u)
        events.click(at + 2 * HOUR, 'u%d' % u, 'SEARCH', query='unicorn')
        events.click(at + 2 * HOUR + MINUTE // 2, 'u%d' % u, 'SEARCH', query='Unicorn')  # again: a search, not a shopper
    for u in range(9):
        events.click(START + 3 * HOUR + u, 'u%d' % u, 'SEARCH', query='nine only')
    events.click(START + 4 * HOUR, 'u1', 'VIEW', item_id='r1')  # too long after
    events.send(t, config)
    db = redis.client()
    gold = {'query': 'gold ring', 'searches': 12, 'answered': 5, 'shoppers': 12}
    unicorn = {'query': 'unicorn', 'searches': 24, 'answered': 0, 'shoppers': 12}

    def shown():
        view = db.json('glint:search')
        return view and [[{k: x[k] for k in gold} for x in view[name]] for name in ('frequent', 'unanswered')]
    wait_for(lambda: shown() == [[unicorn, gold], [unicorn, gold]], 20, 'the queries: %s' % shown())
    assert 'nine only' not in json.dumps(db.json('glint:search'))
    more = Events()
    more.clicks = [{'event_id': 'later', 'ts': START + 5 * HOUR, 'user_id': 'u11', 'action': 'SEARCH', 'query': 'NINE only'}]
    more.send(t, config)
    wait_for(lambda: {'query': 'nine only', 'searches': 10, 'answered': 0, 'shoppers': 10} in shown()[0], 20, 'ten shoppers are enough')


main()
