#!/usr/bin/env python3
"""Recommendations on a real Kafka: every reason in a list can be found again, in the shopper's own events and in the dump's pairs."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
import collections
from glintlib import *
from shop import Shop
from stage import Counts, Stage, related

BASKET = {'bought_together': 'order', 'viewed_together': 'session'}
OF_SHOPPER = ('VIEW', 'CLICK', 'ADD_TO_CART', 'WISHLIST')
SETTINGS = {'itemsets': {'window': 0}, 'recommend': {'bought_items': 100000}}


def histories(clicks, purchases):
    """(items of each shopper's own events, items that each has bought)"""
    own, bought = collections.defaultdict(set), collections.defaultdict(set)
    for e in clicks:
        if e['action'] in OF_SHOPPER and e.get('item_id'):
            own[e['user_id']].add(e['item_id'])
    for e in purchases:
        if e.get('kind', 'ORDER') == 'ORDER':
            bought[e['user_id']].update(x['item_id'] for x in e['lines'] if x['quantity'] > 0)
    for user, items in bought.items():
        own[user] |= items
    return own, bought


def lists_of(db, users):
    return [(u, json.loads(x)) for u, x in zip(users, db.pipeline([('GET', 'glint:recs:' + u) for u in users])) if x]


def check(lists, counts, own, bought, sold_out, exact):
    """what each list says, against events and dump; without exact a count may be one of before the end, never a greater one.
    Returns how many items have which kind of reason"""
    kinds = collections.Counter()
    for user, view in lists:
        items = [x['item'] for x in view['items']]
        assert items, 'the list of %s is empty' % user
        assert len(items) == len(set(items)), (user, items)
        assert not bought[user].intersection(items), (user, 'bought', bought[user].intersection(items))
        assert not sold_out.intersection(items), (user, 'sold out', sold_out.intersection(items))
        scores = [x['score'] for x in view['items']]
        assert scores == sorted(scores, reverse=True) and scores[-1] > 0, (user, scores)
        for x in view['items']:
            why = x['why']
            kinds[why['kind']] += 1
            if why['kind'] not in BASKET:
                if why['kind'] == 'alike':
                    assert why['seed'] in own[user] and why['match'] >= 0.45, (user, x)
                    continue
                assert why['kind'] in ('trending', 'popular', 'new') and why['seed'] is None, (user, x)
                continue
            side = BASKET[why['kind']]
            pair = counts.pairs[side].get(why['seed'], {}).get(x['item'], 0)
            assert why['seed'] in own[user], (user, x, 'the seed is in none of the shopper\'s events')
            assert 0 < why['count'] <= pair and (not exact or why['count'] == pair), (user, x, pair)
            if exact:
                n, seed, other = counts.baskets[side], counts.items[why['seed']]['n_' + side], counts.items[x['item']]['n_' + side]
                assert related(pair, seed, other, n, 0.05) is not False, (user, x, 'may be chance', pair, seed, other, n)
                for name, want in (('support', pair / n), ('confidence', pair / seed), ('lift', pair * n / seed / other)):
                    assert abs(why[name] - want) <= 1e-3 * want, (user, x, name, want)
        assert view['fallback'] == all(x['why']['kind'] not in BASKET for x in view['items']), (user, view['fallback'])
    return kinds


def full(db, users):
    """their lists, once none is empty: who came before the model knew anything is shown once more, soon"""
    def all_there():
        lists = lists_of(db, users)
        return lists if len(lists) == len(users) and all(view['items'] for _, view in lists) else None
    return wait_for(all_there, 60, 'every shopper has a list that is not empty', 0.5)


def run(t, s, clicks, purchases, sold_out, users):
    """as shown while the events came, then again after each shopper has searched for something, which changes no count"""
    own, bought = histories(clicks, purchases)
    s.daemon()
    db = s.settled().redis.client()
    first = full(db, users)

    end = max(e['ts'] for e in clicks)
    s.fill('clicks', [{'event_id': 'again-%d' % i, 'ts': end, 'user_id': u, 'action': 'SEARCH', 'query': 'shoes'} for i, u in enumerate(users)])
    s.settled()
    lists = full(db, users)
    counts = Counts(s.dump())
    print('first: %d lists, %s' % (len(first), dict(check(first, counts, own, bought, sold_out, True))))
    kinds = check(lists, counts, own, bought, sold_out, True)
    print('last: %d lists, %s' % (len(lists), dict(kinds)))
    assert len(lists) >= 1000 and kinds['bought_together'] > 1000 and kinds['viewed_together'] > 1000, kinds

    default = db.json('glint:recs:_default')
    assert default and default['fallback'] and default['items'], default
    shown = {x['item'] for x in default['items']}
    assert not shown & sold_out and all(x['why']['kind'] in ('trending', 'popular') for x in default['items']), default


@case
def generated_shop(t):
    'In over 1,000 lists of a generated shop each reason is in the shopper\'s events and in the dump; nothing bought or sold out is in one.'
    shop = Shop(seed=61, users=1600, items=200, events=26000)
    s = Stage(t, items=True, **SETTINGS)
    sold_out = {x['item_id'] for x in shop.items() if not x['available']}
    assert len(sold_out) == 20
    clicks, purchases, _ = s.fill_shop(shop)
    own, _ = histories(clicks, purchases)
    run(t, s, clicks, purchases, sold_out, sorted(own))


@case
def rare_commits(t):
    'With a commit every 4 s too, who came before the model knew anything has a list with reasons soon after, without another event.'
    s = Stage(t, glint={'commit_interval': '4s'}, **SETTINGS)
    clicks, purchases, _ = s.fill_shop(Shop(seed=63, users=60, items=80, events=1500))
    own, bought = histories(clicks, purchases)
    s.daemon()
    lists = full(s.settled().redis.client(), sorted(own))
    kinds = check(lists, Counts(s.dump()), own, bought, set(), False)
    assert kinds['bought_together'] and kinds['viewed_together'], kinds


@case
def shared_data_lists(t):
    'In 3,000 lists of the shop clicks and the retail orders each reason is in the shopper\'s events and in the dump.'
    paths = [shared_data(n + '.jsonl.gz') for n in ('eshop-items', 'eshop-clicks', 'retail-purchases')]
    catalogue, clicks, purchases = (read_jsonl(p) for p in paths)
    s = Stage(t, items=True, **SETTINGS)
    s.fill('items', paths[0])
    # the best sellers of both shops are sold out
    views = collections.Counter(e['item_id'] for e in clicks).most_common(10)
    sales = collections.Counter(x['item_id'] for e in purchases for x in e['lines']).most_common(10)
    sold_out = {x for x, _ in views + sales}
    known = {x['item_id']: x for x in catalogue}
    s.fill('items', [dict(known.get(x) or {'item_id': x, 'title': x, 'category': 'retail', 'price_minor': 100, 'currency': 'GBP'}, available=False)
                     for x in sorted(sold_out)])
    s.fill('clicks', paths[1])
    s.fill('purchases', paths[2])
    own, _ = histories(clicks, purchases)
    r = random.Random(62)
    ours = sorted({e['user_id'] for e in clicks} & set(own)), sorted({e['user_id'] for e in purchases} & set(own))
    run(t, s, clicks, purchases, sold_out, sorted(r.sample(ours[0], 1500) + r.sample(ours[1], 1500)))


main()
