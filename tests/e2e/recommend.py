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


main()
