#!/usr/bin/env python3
"""The independent count (tests/oracle): worked by hand, and against published figures."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
import gzip
import itertools
import shown

sys.path.insert(0, os.path.join(TOP, 'tests/oracle'))
import counts

DAY = 86400000
T0 = 1700000000000 // DAY * DAY  # the start of a day: panes of 1 d begin here
serial = itertools.count()


def click(ts, item, user='u', **more):
    return dict({'event_id': 'c%d' % next(serial), 'ts': T0 + ts, 'user_id': user, 'action': 'VIEW', 'item_id': item}, **more)


def order(ts, items, user='u', **more):
    lines = [{'item_id': i, 'quantity': 2, 'unit_price_minor': 100} for i in items]
    return dict({'event_id': 'p%d' % next(serial), 'ts': T0 + ts, 'user_id': user, 'order_id': 'o%d' % next(serial), 'currency': 'EUR',
                 'lines': lines}, **more)


def review(ts, item, rating, user='u', **more):
    return dict({'event_id': 'r%d' % next(serial), 'ts': T0 + ts, 'user_id': user, 'item_id': item, 'rating': rating, 'text': ''}, **more)


def counted(t, *files, options=()):
    """counts lists of events; returns {(kind, key...): fields}"""
    paths = [write_jsonl(t.path('events%d.jsonl' % i), f) for i, f in enumerate(files)]
    found = {}
    for line in read_jsonl(t.oracle('counts.jsonl', paths, *options)):
        kind = line.pop('kind')
        names = {'item': ['item'], 'baskets': ['basket'], 'pair': ['basket', 'a', 'b'], 'campaign': ['campaign'],
                 'counter': ['topic', 'name']}[kind]
        key = (kind,) + tuple(line.pop(n) for n in names)
        if kind == 'counter':
            found[key] = found.get(key, 0) + line['n']
        else:
            found[key] = line.get('count', line.get('n')) if kind in ('pair', 'baskets') else line
    return found


def pairs(found, sort):
    return {k[2] + k[3]: n for k, n in found.items() if k[0] == 'pair' and k[1] == sort}


@case
def partitions(t):
    "Keys go where Kafka's own partitioner puts them (the vectors of its UtilsTest)."
    vectors = {'21': -973932308, 'foobar': -790332482, 'a-little-bit-long-string': -985981536, 'a-little-bit-longer-string': -1486304829,
               'lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8': -58897971, 'abc': 479470107}
    for key, value in vectors.items():
        assert counts.murmur2(key.encode()) == value & 0xffffffff, key
        assert counts.partition_of(key, 7) == (value & 0x7fffffff) % 7


@case
def sessions(t):
    'A session pairs each new item with its last ten, ends after the gap or at a new session id, and counts at its start.'
    minute = 60000
    clicks = [
        click(0, 'a'), click(1, 'b'), click(2, 'a'),                    # ab; the repeat adds nothing
        click(2, 'z', action='IMPRESSION'), click(3, 'z', action='WISHLIST'),  # do not count
        click(30 * minute + 2, None, action='CLICK'),                   # exactly the gap: the same session, no item
        click(60 * minute + 2, 'c'),                                    # ac bc
        click(90 * minute + 3, 'd'),                                    # over the gap: a new session
        click(90 * minute + 4, 'e', session_id='s1'),                   # its first session id: de
        click(90 * minute + 5, 'f'),                                    # none given: df ef
        click(90 * minute + 6, 'g', session_id='s2'),                   # another: a new session
        click(90 * minute + 7, 'h', user='v'),                          # somebody else
    ]
    found = counted(t, clicks)
    assert pairs(found, 'session') == {'ab': 1, 'ac': 1, 'bc': 1, 'de': 1, 'df': 1, 'ef': 1}, pairs(found, 'session')
    assert found['baskets', 'session'] == 4 and found['baskets', 'order'] == 0
    assert found['item', 'a']['views'] == 2 and found['item', 'a']['n_session'] == 1

    twelve = counted(t, [click(i, 'abcdefghijkl'[i]) for i in range(12)] + [click(12, 'a'), click(13, 'b', action='ADD_TO_CART')],
                     options=['--window', '0'])
    # 0+1+...+10 pairs of the first eleven would be 55 with ten before each; the twelfth pairs with b..k only
    assert len(pairs(twelve, 'session')) == 55 + 10 and 'al' not in pairs(twelve, 'session') and 'bl' in pairs(twelve, 'session')
    assert twelve['item', 'b']['carts'] == 1


@case
def windows(t):
    "A window holds the panes up to the final watermark's, and a session counts with its first event's time."
    events = [order(0, 'ab', 'v'), order(DAY, 'ab', 'v'), order(2 * DAY + 3600000, 'ab', 'v')]
    clicks = [click(DAY - 1, 'x'), click(DAY + 1, 'y')]
    for window, orders, sessions_left in (('0', 3, 1), ('3d', 3, 1), ('2d', 2, 0), ('1d', 1, 0)):
        found = counted(t, events, clicks, options=['--window', window, '--max-jump', '9d'])
        assert pairs(found, 'order').get('ab') == orders, (window, found)
        assert found['baskets', 'order'] == orders and found['baskets', 'session'] == sessions_left, (window, found)
    # less settle (10 s), the watermark is still in the day before: that order's pane waits
    found = counted(t, [order(0, 'ab'), order(DAY, 'ab'), order(2 * DAY, 'ab')], options=['--window', '1d', '--max-jump', '9d'])
    assert pairs(found, 'order') == {'ab': 1} and found['baskets', 'order'] == 1


@case
def orders(t):
    "An order's basket is its first 64 distinct items; refunds are none."
    items = ['i%03d' % i for i in range(70)]
    found = counted(t, [order(0, items[:1] + items), order(1, []), order(2, ['x', 'y'], kind='REFUND')], options=['--window', '0'])
    ours = [k for k in found if k[0] == 'pair']
    assert len(ours) == 64 * 63 // 2 and ('pair', 'order', 'i000', 'i063') in found and ('pair', 'order', 'i000', 'i064') not in found
    assert found['baskets', 'order'] == 1
    assert found['item', 'i000']['buys'] == 1 and found['item', 'i069']['buys'] == 1 and found['item', 'x']['buys'] == 0
    assert found['item', 'i000']['revenue:EUR'] == 400 and found['item', 'x']['revenue:EUR'] == -200


@case
def records(t):
    'Each record ends in one counter: applied, duplicate, late or dead_lettered.'
    hour = 3600000
    a = click(0, 'a')
    clicks = [a, dict(a), click(25 * hour, 'b'), click(hour - 1, 'c'), click(hour, 'd'), dict(click(0, 'e'), ts=0),
              dict(click(26 * hour, 'f'), event_id='bell\x07'), click(10 ** 15, 'g'),
              click(9 * DAY, 'h'), click(9 * DAY, 'i'), click(9 * DAY, 'j'), click(25 * hour, 'k'), click(2 * hour, 'l')]
    found = counted(t, clicks, options=['--partitions', '1', '--max-jump', '2d'])
    # c is 24 h and 1 ms behind; h i j are 9 d ahead and only three, so k and l are still in time
    assert {k[2]: n for k, n in found.items() if k[0] == 'counter'} == {'applied': 8, 'duplicate': 1, 'late': 1, 'dead_lettered': 3}, found
    four = clicks[:11] + [click(9 * DAY, 'm'), click(25 * hour, 'k')]
    found = counted(t, four, options=['--partitions', '1', '--max-jump', '2d'])
    assert found['counter', 'clicks', 'late'] == 2, found
    # a ring of two ids: the third moves the floor to 5, at which nothing new is taken
    ring = counted(t, [click(5, 'a'), click(6, 'b'), click(7, 'c'), click(5, 'd'), click(6, 'e')], options=['--ring', '2'])
    assert ring['counter', 'clicks', 'applied'] == 4 and ring['counter', 'clicks', 'late'] == 1, ring


@case
def ratings(t):
    'Rating counts and sums are per item; a changed rating replaces, a withdrawn one goes; biases are the filter as worked by hand.'
    found = counted(t, [review(0, 'a', 5.0), review(1, 'a', 4.5, 'v'), review(2, 'b', None, text='x'), review(3, 'b', 2.5, brand='x')])
    assert found['item', 'a']['rating_n'] == 2 and found['item', 'a']['rating_sum'] == 9.5
    assert found['item', 'b']['rating_n'] == 1 and found['item', 'b']['rating_sum'] == 2.5
    # mu 4. a by u: S = 1 + .25 + .25 = 1.5, b = .25 / 1.5 = 1/6, P = .25 - .25 * .25 / 1.5 = 5/24
    # a by v: error .5 - 1/6 = 1/3, S = 5/24 + 1.25, b = 1/6 + 5/24 / 3 / S
    assert abs(found['item', 'a']['bias'] - (1 / 6 + 5 / 72 / (5 / 24 + 1.25))) < 1e-8, found
    again = counted(t, [review(0, 'a', 5.0), review(1, 'b', 1.0), review(2, 'a', 3.0), review(3, 'b', None), review(4, 'c', None)])
    assert again['item', 'a']['rating_n'] == 1 and again['item', 'a']['rating_sum'] == 3, again
    assert again['item', 'b']['rating_n'] == 0 and again['item', 'b']['rating_sum'] == 0, again


@case
def campaigns(t):
    'Attribution follows the last touch within its window; revenue is net of discount and of refunds, which follow their order.'
    first = order(1000, 'abc', discount_minor=90, campaign_id='direct')  # 600 less 90
    refund = order(9 * DAY, 'b', kind='REFUND', order_id=first['order_id'])  # 200 less a third of the discount
    late = order(8 * DAY, 'a')
    clicks = [click(0, 'a', campaign_id='old', action='CLICK'), click(500, 'a', campaign_id='new'),
              click(600, 'a', campaign_id='seen', action='IMPRESSION'), click(2000, 'b', campaign_id='new', action='ADD_TO_CART')]
    found = counted(t, clicks, [first, late, refund])
    assert found['campaign', 'direct'] == {'orders': 1, 'revenue:EUR': 510 - 170}, found
    assert found['campaign', 'new'] == {'carts': 1, 'attributed_orders': 1, 'attributed_revenue:EUR': 510 - 170}, found
    assert found['campaign', 'old'] == {'clicks': 1} and found['campaign', 'seen'] == {'impressions': 1}, found
    # everything comes back, and more than everything: nothing is left
    rest = [order(9 * DAY + i, items, kind='REFUND', order_id=first['order_id']) for i, items in enumerate(('ac', 'abc'), 1)]
    found = counted(t, clicks, [first, late, refund] + rest)
    assert found['campaign', 'new']['attributed_revenue:EUR'] == 0 and found['campaign', 'direct']['revenue:EUR'] == 0, found


@case
def views(t):
    'What Redis must show of campaigns, shoppers and items, for ever and today, worked by hand.'
    first = order(1000, 'abc', discount_minor=90, campaign_id='direct')  # 600 less 90
    refund = order(9 * DAY, 'b', kind='REFUND', order_id=first['order_id'])  # 200 less a third of the discount
    clicks = [click(0, 'a', campaign_id='old', action='CLICK'), click(500, 'a', campaign_id='new'),
              click(600, 'a', campaign_id='seen', action='IMPRESSION'), click(2000, 'b', campaign_id='new', action='ADD_TO_CART')]
    paths = [write_jsonl(t.path(name), events) for name, events in (('c.jsonl', clicks), ('p.jsonl', [first, order(8 * DAY, 'a'), refund]))]
    run_program([sys.executable, os.path.join(TOP, 'tests/oracle/views.py'), '--out', t.path('v.jsonl'), '--watermark', str(T0 + 9 * DAY + 5000)] + paths)
    lines = read_jsonl(t.path('v.jsonl'))
    found = {x['key']: x['fields'] for x in lines if x['kind'] == 'view'}
    scores = {x['key']: x['scores'] for x in lines if x['kind'] == 'scores'}
    none = dict.fromkeys(('impressions', 'clicks', 'carts', 'orders', 'attributed_orders', 'revenue:EUR', 'attributed_revenue:EUR'), 0)
    none.update(dict.fromkeys(('ctr', 'cvr', 'aov:EUR')))

    def both(today, **total):
        return dict({**none, **{k.replace('_EUR', ':EUR'): n for k, n in total.items()}}, **{'today_' + k: n for k, n in {**none, **today}.items()})
    assert found['campaign:direct'] == both({'revenue:EUR': -170}, orders=1, revenue_EUR=340, aov_EUR=340), found['campaign:direct']
    assert found['campaign:new'] == both({'attributed_revenue:EUR': -170}, carts=1, attributed_orders=1, attributed_revenue_EUR=340), found['campaign:new']
    assert {k: n for k, n in found['campaign:seen'].items() if n} == {'impressions': 1} and found['campaign:seen']['ctr'] == 0
    assert {k: n for k, n in found['campaign:old'].items() if n} == {'clicks': 1} and found['campaign:old']['cvr'] == 0
    assert scores == {'campaigns': {'direct': T0 + 9 * DAY, 'new': T0 + 9 * DAY, 'old': T0, 'seen': T0 + 600}}, scores
    assert found['user:u'] == {'orders': 2, 'revenue:EUR': 510}, found['user:u']
    assert found['item:a'] == {'views': 1, 'clicks': 1, 'buys': 2, 'revenue:EUR': 400}, found['item:a']
    assert found['item:b'] == {'carts': 1, 'buys': 1, 'revenue:EUR': 0} and found['item:c'] == {'buys': 1, 'revenue:EUR': 200}

    # and in Redis: nothing differs, then one field by one, one too many, one key too many
    db = t.redis().client()
    for key, fields in found.items():
        db.do('HSET', 'glint:' + key, 'as_of', '1', *[str(x) for pair in fields.items() if pair[1] is not None for x in pair])
    db.do('ZADD', 'glint:campaigns', *[str(x) for m, n in scores['campaigns'].items() for x in (n, m)])
    assert shown.differences(db, found, scores)[0] == []
    for change, back, word in ((('HINCRBY', 'glint:campaign:new', 'today_attributed_revenue:EUR', 1), ('HINCRBY', 'glint:campaign:new', 'today_attributed_revenue:EUR', -1),
                                'glint:campaign:new today_attributed_revenue:EUR: expected -170, Redis has -169'),
                               (('HSET', 'glint:campaign:old', 'ctr', '1'), ('HDEL', 'glint:campaign:old', 'ctr'), 'glint:campaign:old ctr: expected None'),
                               (('HSET', 'glint:user:v', 'orders', '1'), ('DEL', 'glint:user:v'), 'glint:user:v orders: expected 0'),
                               (('HDEL', 'glint:item:c', 'buys'), ('HSET', 'glint:item:c', 'buys', '1'), 'glint:item:c buys: expected 1, Redis has None'),
                               (('ZADD', 'glint:campaigns', 1, 'old'), ('ZADD', 'glint:campaigns', T0, 'old'), 'glint:campaigns: expected')):
        db.do(*change)
        differs = shown.differences(db, found, scores)[0]
        assert len(differs) == 1 and differs[0].startswith(word), (word, differs)
        db.do(*back)


@case
def groceries(t):
    'Pair counts of the Groceries baskets are the published ones (whole milk and other vegetables 736, and five more).'
    path = shared_data('groceries.baskets.gz')
    with gzip.open(path, 'rt') as f:
        baskets = [line.rstrip('\n').split(',') for line in f]
    found = counted(t, [order(i * 1000, b, 'u%d' % (i % 50)) for i, b in enumerate(baskets)], options=['--window', '0'])
    assert found['baskets', 'order'] == 9835
    want = {('other vegetables', 'whole milk'): 736, ('rolls/buns', 'whole milk'): 557, ('whole milk', 'yogurt'): 551,
            ('root vegetables', 'whole milk'): 481, ('other vegetables', 'root vegetables'): 466, ('other vegetables', 'yogurt'): 427}
    names = {k[2:] : n for k, n in found.items() if k[0] == 'pair'}
    assert len(names) == 9636, len(names)
    for pair, n in want.items():
        assert names[pair] == n, (pair, names.get(pair))
    assert found['item', 'whole milk']['n_order'] == 2513


@case
def differences_are_found(t):
    'A count that differs by one, a missing line and a line too many are each named, and nothing else is.'
    events = [order(0, 'ab'), order(1, 'bc')]
    path = t.oracle('counts.jsonl', [write_jsonl(t.path('e.jsonl'), events), write_jsonl(t.path('r.jsonl'), [review(0, 'a', 4.0)])], '--window', '0')
    lines = read_jsonl(path)
    t.same_counts(path, path)
    assert t.same_counts(write_jsonl(t.path('reversed.jsonl'), lines[::-1]), path)

    def differs(changed, *words):
        done = run_program([sys.executable, os.path.join(TOP, 'tests/oracle/compare.py'), path, write_jsonl(t.path('x.jsonl'), changed)],
                           check=False)
        assert done.returncode == 1, done.stdout
        for word in words:
            assert word in done.stdout, (word, done.stdout)
        assert done.stdout.count('expected') == 1, done.stdout
    pair = next(i for i, l in enumerate(lines) if l['kind'] == 'pair')
    differs(lines[:pair] + lines[pair + 1:], 'order a + b', 'expected 1, the dump has 0')
    differs(lines + [{'kind': 'pair', 'basket': 'session', 'a': 'a', 'b': 'c', 'count': 1}], 'session a + c', 'expected 0')
    differs([dict(l, rating_n=2) if l.get('item') == 'a' else l for l in lines], 'item a rating_n: expected 1, the dump has 2')
    differs([dict(l, n=3) if l['kind'] == 'baskets' and l['basket'] == 'order' else l for l in lines], 'baskets order n: expected 2')


main()
