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
            assert near(e['score'], e['base'] * e['stars_factor'] * e['mood_factor']), e
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
    _, config = t.embedded(redis, **FOREVER)
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
    wait_for(lambda: items()[3]['item'] == second and first not in [x['item'] for x in items()], 15, 'the list follows')
    assert items()[3]['why'] == {'kind': 'pinned', 'seed': None, 'place': 3}, items()[3]
    wait_for(lambda: first in db.do('SMEMBERS', 'glint:blocked'), 10, 'the excluded item is blocked')
    assert first not in db.do('ZRANGE', 'glint:popular', '0', '-1') and last in db.do('ZRANGE', 'glint:popular', '0', '-1')
    rows = t.ctl_json(config, 'control', 'list')
    assert [(r['scope'], r.get('exclude'), r.get('boost'), r.get('pin'), r.get('note')) for r in rows] == sorted([
        ('item:' + first, True, None, None, 'recalled'), ('item:' + last, None, 100, None, None), ('item:' + second, None, None, 3, None)]), rows
    assert t.ctl_json(config, 'explain', user, first)['left_out'] == 'excluded'
    assert t.ctl_json(config, 'explain', user, last)['boost'] == 100

    brand = next(x['brand'] for x in shop.items() if x['item_id'] == before[2]['item'])
    t.ctl(config, 'control', 'exclude', 'brand:' + brand)
    of_brand = {x['item_id'] for x in shop.items() if x['brand'] == brand}
    wait_for(lambda: not of_brand & {x['item'] for x in items()}, 15, 'the brand is gone from the list')
    for scope in (first, last, second, 'brand:' + brand):
        t.ctl(config, 'control', 'unset', scope)
    wait_for(lambda: [x['item'] for x in items()] == [x['item'] for x in before], 15, 'the list is what it was')
    assert t.ctl_json(config, 'control', 'list') == []
    for args, code in ((('unset', first), 69), (('boost', first, '0'), 64), (('boost', first, 'x'), 64), (('pin', 'brand:' + brand, '1'), 64),
                       (('pin', first, '100'), 64)):
        assert t.ctl(config, 'control', *args, check=False).returncode == code, args


main()
