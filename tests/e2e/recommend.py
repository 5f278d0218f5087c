#!/usr/bin/env python3
"""Recommendations beside the daemon with its embedded broker: what a list says is what glintctl explains."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from shop import Shop

QUICK = {'commit_interval': '50ms', 'user_expiry': 0, 'item_expiry': 0, 'max_drift': '365d'}
FOREVER = {'itemsets': {'window': 0}, 'glint': QUICK}


def filled(t, shop, **sections):
    daemon, config = t.embedded(t.redis(), **{**FOREVER, **sections})
    t.replay(config, 'items', shop.items())
    sent = dict(zip(('clicks', 'purchases', 'reviews'), shop.traffic()))
    for kind, events in sent.items():
        t.replay(config, kind, events)
    t.caught_up(config)
    return daemon, config, sent


def near(a, b, relative=1e-4):
    return abs(a - b) <= relative * max(abs(a), abs(b), 1e-9)


@case
def explained(t):
    'explain gives the terms of an item in a list: they make its score, the seeds\' parts its base, and it says what is left out and why.'
    shop = Shop(seed=71, users=120, items=60, events=3000)
    _, config, sent = filled(t, shop)
    bought = {}
    for e in sent['purchases']:
        if e.get('kind', 'ORDER') == 'ORDER':
            bought.setdefault(e['user_id'], set()).update(x['item_id'] for x in e['lines'])
    looked = 0
    for user in sorted(bought)[:3]:
        items = t.ctl_json(config, 'recs', user)['items']
        own = [x for x in items if x['why']['kind'] in ('bought_together', 'viewed_together')]
        assert own, items
        for x in own[:1] + own[-1:]:
            e = t.ctl_json(config, 'explain', user, x['item'])
            assert e['user'] == user and e['item'] == x['item'] and e['left_out'] is None, e
            assert near(e['base'], e['bought_together'] + e['viewed_together']) and near(e['base'], sum(s['part'] for s in e['seeds'])), e
            assert near(e['score'], e['base'] * e['boost'] * e['exposure_factor'] * e['stars_factor'] * e['mood_factor']), e
            assert items[e['position']]['item'] == x['item'] and near(e['score'] * e['diversity_factor'], x['score']), (e, x)
            assert e['listed']['why'] == x['why'], (e, x)
            looked += 1
        e = t.ctl_json(config, 'explain', user, sorted(bought[user])[0])
        assert e['left_out'] == 'bought' and e['position'] is None, e
    assert looked == 6
    shown = t.ctl(config, 'explain', user, x['item']).stdout
    assert 'stars_factor' in shown and 'nearness' in shown, shown
    done = t.ctl(config, 'explain', 'nobody', x['item'], check=False)
    assert done.returncode == 69 and "nothing is known of the shopper 'nobody'" in done.stderr, done


@case
def controlled(t):
    'Exclusions, boosts and pins of glintctl control count at once, in lists that are there already, and are taken back as quickly.'
    shop = Shop(seed=72, users=60, items=40, events=1500)
    redis = t.redis()
    _, config = t.embedded(redis, recommend={'related_p': 1}, **FOREVER)  # candidates: what is popular moves with the clock
    t.replay(config, 'items', shop.items())
    for kind, events in zip(('clicks', 'purchases', 'reviews'), shop.traffic()):
        t.replay(config, kind, events)
    t.caught_up(config)
    db = redis.client()
    user = sorted(k.split(':', 2)[2] for k in db.do('KEYS', 'glint:recs:u*'))[0]

    def items():
        return db.json('glint:recs:' + user)['items']
    before = items()
    assert t.ctl_json(config, 'control', 'list') == []
    first, second, last = (before[i]['item'] for i in (0, 1, -1))
    t.ctl(config, 'control', 'exclude', first, '--note', 'recalled')
    t.ctl(config, 'control', 'boost', 'item:' + last, '100')
    t.ctl(config, 'control', 'pin', second, '3')
    wait_for(lambda: items()[3]['item'] == second and first not in [x['item'] for x in items()], 60, 'the list follows')
    assert items()[3]['why'] == {'kind': 'pinned', 'seed': None, 'place': 3}, items()[3]
    wait_for(lambda: first in db.do('SMEMBERS', 'glint:blocked'), 60, 'the excluded item is blocked')
    assert first not in db.do('ZRANGE', 'glint:popular', '0', '-1') and last in db.do('ZRANGE', 'glint:popular', '0', '-1')
    rows = t.ctl_json(config, 'control', 'list')
    assert [(r['scope'], r.get('exclude'), r.get('boost'), r.get('pin'), r.get('note')) for r in rows] == sorted([
        ('item:' + first, True, None, None, 'recalled'), ('item:' + last, None, 100, None, None), ('item:' + second, None, None, 3, None)]), rows
    assert t.ctl_json(config, 'explain', user, first)['left_out'] == 'excluded'
    assert t.ctl_json(config, 'explain', user, last)['boost'] == 100

    brand = next(x['brand'] for x in shop.items() if x['item_id'] == before[2]['item'])
    t.ctl(config, 'control', 'exclude', 'brand:' + brand)
    of_brand = {x['item_id'] for x in shop.items() if x['brand'] == brand}
    wait_for(lambda: not of_brand & {x['item'] for x in items()}, 60, 'the brand is gone from the list')
    for scope in (first, last, second, 'brand:' + brand):
        t.ctl(config, 'control', 'unset', scope)
    wait_for(lambda: [x['item'] for x in items()] == [x['item'] for x in before], 60, 'the list is what it was')
    assert t.ctl_json(config, 'control', 'list') == []
    for args, code in ((('unset', first), 69), (('boost', first, '0'), 64), (('boost', first, 'x'), 64), (('pin', 'brand:' + brand, '1'), 64),
                       (('pin', first, '100'), 64)):
        assert t.ctl(config, 'control', *args, check=False).returncode == code, args


@case
def experiments(t):
    'What shoppers do with their lists is counted by arm in glint:experiment, an event of a list once, and the list carries the arm.'
    shop = Shop(seed=73, users=60, items=40, events=1500)
    redis = t.redis()
    _, config = t.embedded(redis, recommend={'experiment': 'home'}, **FOREVER)
    t.replay(config, 'items', shop.items())
    clicks, purchases, _ = shop.traffic()
    t.replay(config, 'clicks', clicks)
    t.replay(config, 'purchases', purchases)
    t.caught_up(config)
    assert t.ctl(config, 'experiment', check=False).returncode == 69
    db = redis.client()
    users = sorted(k.split(':', 2)[2] for k in db.do('KEYS', 'glint:recs:u*'))[:40]
    now, events, orders = max(e['ts'] for e in clicks + purchases), [], []
    clicked, revenue = {'A': 0, 'B': 0}, {'A': 0, 'B': 0}
    for i, user in enumerate(users):
        view, arm = db.json('glint:recs:' + user), 'AB'[i % 2]
        assert len(view['rec_id']) == 17 + len(view['items']) and view['variant'] is None, view

        def event(n, action, place):
            return {'event_id': 'x%d-%d' % (i, n), 'ts': now + n, 'user_id': user, 'action': action, 'item_id': view['items'][place]['item'],
                    'rec_id': view['rec_id'], 'position': place, 'variant': arm, 'placement': 'home'}
        events += [event(n, 'IMPRESSION', n) for n in range(5)]
        if i % 8 == 0 or (arm == 'B' and i % 3 == 0):
            events += [event(10, 'CLICK', 1), event(11, 'VIEW', 1), event(12, 'CLICK', 2)]
            clicked[arm] += 1
            if i % 4 == 0 or i % 3 == 0:
                orders.append({'event_id': 'xo%d' % i, 'ts': now + 20, 'user_id': user, 'order_id': 'xo%d' % i, 'currency': 'EUR', 'variant': arm,
                               'lines': [{'item_id': view['items'][1]['item'], 'quantity': 2, 'unit_price_minor': 250}], 'discount_minor': 50})
                revenue[arm] += 450
    t.replay(config, 'clicks', events)
    t.replay(config, 'purchases', orders)
    t.caught_up(config)
    hash = wait_for(lambda: (lambda h: h if h.get('orders:B') else None)(db.hash('glint:experiment:home')), 60, 'the arms are shown')
    for arm in 'AB':
        n, k, bought = 20, clicked[arm], sum(1 for o in orders if o['variant'] == arm)
        assert k and bought and (hash['lists:' + arm], hash['clicked_lists:' + arm], hash['clicks:' + arm]) == (str(n), str(k), str(2 * k)), hash
        assert (hash['shoppers:' + arm], hash['orders:' + arm], hash['buyers:' + arm]) == (str(n), str(bought), str(bought)), hash
        assert hash['revenue:%s:EUR' % arm] == str(revenue[arm]), (hash, revenue)
        z, mean = 1.959964, revenue[arm] / n  # who bought, bought once, for 450
        half = z * (bought / n * 450 ** 2 - mean ** 2) ** 0.5 / n ** 0.5
        for end, want in (('', mean), ('_low', mean - half), ('_high', mean + half)):
            assert near(float(hash['revenue_per_shopper%s:%s:EUR' % (end, arm)]), want), (hash, want)
        for name, x in (('ctr', k), ('cvr', bought)):
            centre, half = (x / n + z * z / 2 / n), z * (x / n * (1 - x / n) / n + z * z / 4 / n / n) ** 0.5
            assert near(float(hash['%s_low:%s' % (name, arm)]), (centre - half) / (1 + z * z / n)), hash
            assert near(float(hash['%s_high:%s' % (name, arm)]), (centre + half) / (1 + z * z / n)), hash
    assert db.json('glint:recs:' + users[1])['variant'] == 'B'
    table = t.ctl_json(config, 'experiment')
    assert [(r['arm'], r['lists'], r['clicked_lists'], r['revenue:EUR']) for r in table] == [(a, 20, clicked[a], revenue[a]) for a in 'AB'], table


main()
