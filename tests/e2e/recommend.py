#!/usr/bin/env python3
"""Recommendations beside the daemon with its embedded broker: what a list says is what glintctl explains."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from rdkafka import Client
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
        for y in [y for y in items if y not in own][:1]:
            e = t.ctl_json(config, 'explain', user, y['item'])
            assert e['score'] is None or e['base'] > 0, e
            assert near(e['rank'], e['rank_base'] * e['boost'] * e['exposure_factor']) and e['listed']['why'] == y['why'], (e, y)
        e = t.ctl_json(config, 'explain', user, sorted(bought[user])[0])
        assert e['left_out'] == 'bought' and e['position'] is None, e
    assert looked == 6
    shown = t.ctl(config, 'explain', user, x['item']).stdout
    assert 'stars_factor' in shown and 'nearness' in shown, shown
    assert re.search(r'^why +%s, seed .*, lift ' % x['why']['kind'], shown, re.M), shown
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
                       (('pin', first, '100'), 64), (('exclude', 'brand:'), 64), (('exclude', 'Brand:' + brand), 64)):
        assert t.ctl(config, 'control', *args, check=False).returncode == code, args
    for place in ('-1', '20'):  # lists are 20 long
        done = t.ctl(config, 'control', 'pin', first, place, check=False)
        assert done.returncode == 64 and 'between 0 and 19' in done.stderr, done
    assert t.ctl_json(config, 'control', 'list') == []


def arms_of(events):
    """What docs/models.md says of A/B tests, counted from clicks and orders in their order: {'lists:A': n, ...}, the totals of shoppers by arm, and impressions by item."""
    last, list_arm, seen, n, spent, shown = {}, {}, set(), {}, {}, {}

    def count(name, arm, once, by=1):
        if once is None or once not in seen:
            n[name + ':' + arm] = n.get(name + ':' + arm, 0) + by
            seen.add(once)
    for e in events:
        user = e['user_id']
        if e.get('variant'):
            last[user] = e['variant']
            count('shoppers', last[user], ('shopper', user, last[user]))
        arm = last.get(user)
        if 'order_id' in e:
            if arm:
                net = sum(x['quantity'] * x['unit_price_minor'] for x in e['lines']) - e['discount_minor']
                count('orders', arm, None)
                count('buyers', arm, ('buyer', user, arm))
                count('revenue', arm, None, net)
                spent.setdefault(arm, {}).setdefault(user, []).append(net)
            continue
        which = (user, e['rec_id'])
        if arm and which not in list_arm:
            list_arm[which] = arm
            count('lists', arm, None)
        if e['action'] == 'IMPRESSION':
            if which + (e['position'],) not in seen:
                shown[e['item_id']] = shown.get(e['item_id'], 0) + 1
            seen.add(which + (e['position'],))
        elif which in list_arm:
            count('clicked_lists', list_arm[which], ('list',) + which)
            count('clicks', list_arm[which], ('click',) + which + (e['item_id'],))
    return n, {arm: [sum(x) for x in of.values()] for arm, of in spent.items()}, shown


@case
def deleted(t):
    'An item whose record in the items topic is deleted is blocked and in no list until it has a record again.'
    shop = Shop(seed=74, users=60, items=40, events=1500)
    redis = t.redis()
    _, config = t.embedded(redis, recommend={'related_p': 1}, **FOREVER)
    t.replay(config, 'items', shop.items())
    for kind, events in zip(('clicks', 'purchases', 'reviews'), shop.traffic()):
        t.replay(config, kind, events)
    t.caught_up(config)
    db = redis.client()
    user = sorted(k.split(':', 2)[2] for k in db.do('KEYS', 'glint:recs:u*'))[0]

    def has(key, item):
        return item in [x['item'] for x in db.json(key)['items']]
    gone = db.json('glint:recs:' + user)['items'][0]['item']
    with open(config) as f:
        brokers, topic = (re.search(r'^%s *= *(\S+)' % name, text, re.M).group(1) for text in [f.read()] for name in (r'bootstrap\.servers', 'items'))
    with Client(brokers, partitioner='murmur2_random') as client:
        client.send(topic, None, key=gone.encode())
        client.flush()
    wait_for(lambda: gone in db.do('SMEMBERS', 'glint:blocked') and not has('glint:recs:' + user, gone) and not has('glint:recs:_default', gone), 60, 'the item is gone')
    assert t.ctl_json(config, 'explain', user, gone)['left_out'] == 'removed'
    t.replay(config, 'items', [x for x in shop.items() if x['item_id'] == gone])
    wait_for(lambda: gone not in db.do('SMEMBERS', 'glint:blocked') and has('glint:recs:' + user, gone), 60, 'the item is back')


@case
def experiments(t):
    'What shoppers do with their lists is counted by arm in glint:experiment, each once however often it is told, and the list carries the arm; another id starts at zero.'
    shop = Shop(seed=73, users=60, items=40, events=1500)
    redis = t.redis()
    daemon, config = t.embedded(redis, recommend={'experiment': 'home'}, **FOREVER)
    t.replay(config, 'items', shop.items())
    clicks, purchases, _ = shop.traffic()
    t.replay(config, 'clicks', clicks)
    t.replay(config, 'purchases', purchases)
    t.caught_up(config)
    assert t.ctl(config, 'experiment', check=False).returncode == 69
    db = redis.client()
    users = sorted(k.split(':', 2)[2] for k in db.do('KEYS', 'glint:recs:u*'))[:40]
    now, events, orders, views = max(e['ts'] for e in clicks + purchases), [], [], {}
    for i, user in enumerate(users):
        view, arm = db.json('glint:recs:' + user), 'AB'[i % 2]
        views[user] = view
        assert len(view['rec_id']) == 17 + len(view['items']) and view['variant'] is None, view

        def event(n, action, place, variant=arm):
            return {'event_id': 'x%d-%d' % (i, n), 'ts': now + n, 'user_id': user, 'action': action, 'item_id': view['items'][place]['item'],
                    'rec_id': view['rec_id'], 'position': place, 'variant': variant, 'placement': 'home'}

        def order(n, variant=arm):
            return {'event_id': 'xo%d-%d' % (i, n), 'ts': now + n, 'user_id': user, 'order_id': 'xo%d-%d' % (i, n), 'currency': 'EUR', 'variant': variant,
                    'lines': [{'item_id': view['items'][1]['item'], 'quantity': 2, 'unit_price_minor': 250}], 'discount_minor': 50}
        untold = None if i % 5 == 0 else arm  # shown by a page that knows no arm
        events += [event(n, 'IMPRESSION', n, untold) for n in range(5)]
        if i % 3 == 0:  # the page loaded again
            events += [event(5 + n, 'IMPRESSION', n, untold) for n in range(5)]
        if i % 8 == 0 or i % 10 == 0 or (arm == 'B' and i % 3 == 0):
            events += [event(10, 'CLICK', 1), event(11, 'VIEW', 1), event(12, 'CLICK', 2)]
            if i % 4 == 0 or i % 3 == 0:
                orders.append(order(20))
        if i % 7 == 0:  # to the other arm and back, an order in each
            other = 'BA'[i % 2]
            events += [event(30, 'CLICK', 3, other), event(32, 'CLICK', 4, arm)]
            orders += [order(31, other), order(33)]
    t.replay(config, 'clicks', [e for e in events if e['ts'] < now + 30])
    t.replay(config, 'purchases', [o for o in orders if o['ts'] < now + 30])
    t.caught_up(config)
    for n in range(30, 34):  # what is told of arms by two topics: one after the other
        t.replay(config, 'purchases' if n % 2 else 'clicks', [e for e in events + orders if e['ts'] == now + n])
        t.caught_up(config)
    want, totals, shown = arms_of(sorted(events + orders, key=lambda e: e['ts']))
    names = [name + ':' + arm for name in ('lists', 'clicked_lists', 'clicks', 'shoppers', 'buyers', 'orders') for arm in 'AB']
    hash = wait_for(lambda: (lambda h: h if h.get('orders:B') == str(want['orders:B']) else None)(db.hash('glint:experiment:home')), 60, 'the arms are shown')
    assert {x: hash[x] for x in names} == {x: str(want[x]) for x in names}, (hash, want)
    assert want['shoppers:A'] > 20 and want['lists:A'] + want['lists:B'] < 40, want
    for arm in 'AB':
        z, n, mean = 1.959964, want['shoppers:' + arm], want['revenue:' + arm] / want['shoppers:' + arm]
        assert hash['revenue:%s:EUR' % arm] == str(want['revenue:' + arm]), (hash, want)
        half = z * (sum(x * x for x in totals[arm]) / n - mean ** 2) ** 0.5 / n ** 0.5
        for end, value in (('', mean), ('_low', mean - half), ('_high', mean + half)):
            assert near(float(hash['revenue_per_shopper%s:%s:EUR' % (end, arm)]), value), (hash, value)
        for name, x, n in (('ctr', want['clicked_lists:' + arm], want['lists:' + arm]), ('cvr', want['buyers:' + arm], n)):
            centre, half = (x / n + z * z / 2 / n), z * (x / n * (1 - x / n) / n + z * z / 4 / n / n) ** 0.5
            assert near(float(hash['%s_low:%s' % (name, arm)]), (centre - half) / (1 + z * z / n)), hash
            assert near(float(hash['%s_high:%s' % (name, arm)]), (centre + half) / (1 + z * z / n)), hash
    for item, n in shown.items():
        wait_for(lambda: db.hash('glint:item:' + item).get('recommended') == str(n), 60, '%s was shown %d times' % (item, n))
    assert db.json('glint:recs:' + users[1])['variant'] == 'B'
    table = t.ctl_json(config, 'experiment')
    assert [(r['arm'], r['lists'], r['clicked_lists'], r['revenue:EUR']) for r in table] == [(a, want['lists:' + a], want['clicked_lists:' + a], want['revenue:' + a]) for a in 'AB'], table

    # the next test: shoppers of the last one are new to it, whose figures stay as they were
    applied = lambda: daemon.metrics()['glint_config_reloads_total{result="applied"}']
    before = applied()
    t.config('embedded-base.conf', redis=redis, items=True, recommend={'experiment': 'basket'}, **FOREVER)
    os.kill(daemon.pid, signal.SIGHUP)
    wait_for(lambda: applied() == before + 1, 60, 'the id is in force')
    again = [{'event_id': 'y%d-%d' % (i, n), 'ts': now + 40 + n, 'user_id': user, 'action': action, 'item_id': views[user]['items'][0]['item'],
              'rec_id': 'y' + views[user]['rec_id'][1:], 'position': 0, 'variant': 'A'} for i, user in enumerate(users[:9]) for n, action in enumerate(['IMPRESSION', 'CLICK'][:1 + i % 2])]
    t.replay(config, 'clicks', again)
    t.caught_up(config)
    want = {'lists': 9, 'shoppers': 9, 'clicked_lists': 4, 'clicks': 4, 'buyers': 0, 'orders': 0}
    wait_for(lambda: (lambda h: {x: h.get(x + ':A') for x in want} == {x: str(n) for x, n in want.items()} and 'lists:B' not in h)(db.hash('glint:experiment:basket')),
             60, 'the new test is counted from zero')
    assert {k: v for k, v in db.hash('glint:experiment:home').items() if ':' in k} == {k: v for k, v in hash.items() if ':' in k}


main()
