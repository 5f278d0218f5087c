#!/usr/bin/env python3
"""Purchase intent on a real Kafka, where clicks and orders are there before the daemon starts and are merged by time."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
import random
from glintlib import *

SETTINGS = {'glint': {'commit_interval': '50ms', 'user_expiry': 0, 'item_expiry': 0, 'max_drift': '365d'}}
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 19_676 * DAY  # midnight, 2023-11-15


def look(at, user, cart):
    """a session: an item looked at, another one looked at or put into the cart"""
    return [{'event_id': '%s-%d' % (user, i), 'ts': at + i * MINUTE, 'user_id': user, 'action': 'ADD_TO_CART' if cart and i else 'VIEW',
             'item_id': 'ab'[i]} for i in range(2)]


@case
def intent(t):
    'The chance of an order is told while a session runs, near to the share that ordered in sessions like it, and goes once the session is over.'
    redis = t.redis()
    config = t.config(brokers=t.kafka(), redis=redis, intent={'learn_every': 1, 'learn_from': 100}, **SETTINGS)
    t.topics_create(config)
    chance, clicks, orders, r = {True: 0.7, False: 0.05}, [], [], random.Random(5)
    for u in range(1500):
        at, cart = START + u * MINUTE, u % 3 == 0
        clicks += look(at, 'u%d' % u, cart)
        if r.random() < chance[cart]:
            orders.append({'event_id': 'p%d' % u, 'ts': at + 2 * MINUTE, 'user_id': 'u%d' % u, 'order_id': 'o%d' % u, 'currency': 'EUR',
                           'lines': [{'item_id': 'b', 'quantity': 1, 'unit_price_minor': 1000}]})
    db, later = redis.client(), START + 1501 * MINUTE
    clicks += look(later, 'with', True) + look(later, 'without', False)
    t.replay(config, 'clicks', sorted(clicks, key=lambda e: e['ts']))
    t.replay(config, 'purchases', orders)
    t.glintd(config)
    t.caught_up(config)

    def near(user, cart):  # shown once at once, and again when what was learnt has come back
        h = db.hash('glint:user:' + user)
        return (int(h.get('intent_until', 0)) == later + 31 * MINUTE and abs(float(h['intent']) - chance[cart]) < (0.15 if cart else 0.06)
                and 0 < float(h['stay']) < 1)
    for user, cart in (('with', True), ('without', False)):
        wait_for(lambda: near(user, cart), 30, 'the intent of %s: %s' % (user, db.hash('glint:user:' + user)))
    t.replay(config, 'clicks', [{'event_id': 'l', 'ts': later + 2 * HOUR, 'user_id': 'other', 'action': 'VIEW', 'item_id': 'a'}])
    t.caught_up(config)
    wishes = iter(range(1000))

    def gone():
        """a wish begins no session, and has the shopper shown anew, by the time as it is then"""
        n = next(wishes)
        t.replay(config, 'clicks', [{'event_id': 'w%d' % n, 'ts': later + 2 * HOUR + n, 'user_id': 'with', 'action': 'WISHLIST', 'item_id': 'a'}])
        t.caught_up(config)
        return not {'intent', 'stay', 'intent_until'} & set(db.hash('glint:user:with'))
    wait_for(gone, 60, 'the session is over')


main()
