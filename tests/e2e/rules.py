#!/usr/bin/env python3
"""What goes with what, beside the daemon with its embedded broker: rules between items and between their categories, as glintctl shows them, against
figures worked out here from the orders."""
import math
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *

SETTINGS = {'glint': {'commit_interval': '50ms', 'user_expiry': 0, 'item_expiry': 0, 'max_drift': '365d'}, 'itemsets': {'window': 0}}
START = 1_700_000_000_000
CATEGORIES = {'ring-1': 'rings', 'ring-2': 'rings', 'chain-1': 'chains', 'chain-2': 'chains', 'lamp': 'lamps', 'bowl': 'bowls'}
# 65 orders, one a shopper: rings and chains go together, lamps and bowls are both frequent and less often together than by chance
ORDERS = 6 * [['ring-1', 'chain-1']] + 6 * [['ring-2', 'chain-2']] + 4 * [['ring-1']] + 3 * [['chain-1', 'not-in-the-catalogue']] + \
    30 * [['lamp']] + 6 * [['lamp', 'bowl']] + 10 * [['bowl']]


def filled(t, orders, users, **sections):
    daemon, config = t.embedded(t.redis(), **{**SETTINGS, **sections})
    t.replay(config, 'items', [{'item_id': i, 'title': i, 'category': c, 'price_minor': 1000, 'currency': 'EUR', 'available': True}
                               for i, c in CATEGORIES.items()])
    # an order's categories are those of the catalogue when it is read
    wait_for(lambda: daemon.metrics().get('glint_catalogue_items') == len(CATEGORIES), what='the catalogue')
    t.replay(config, 'purchases', [{'event_id': 'p%d' % n, 'ts': START + n * 60_000, 'user_id': u, 'order_id': 'o%d' % n, 'currency': 'EUR',
                                    'lines': [{'item_id': i, 'quantity': 1, 'unit_price_minor': 1000} for i in items]}
                                   for n, (items, u) in enumerate(zip(orders, users))])
    t.caught_up(config)
    return config


def measures(a, b, sets):
    """every figure of the rule a => b over the baskets, from its definition"""
    n, n_a, n_b = len(sets), sum(a in s for s in sets), sum(b in s for s in sets)
    both = sum(a in s and b in s for s in sets)
    confidence = both / n_a
    return {'count': both, 'n_a': n_a, 'n_b': n_b, 'support': both / n, 'confidence': confidence, 'confidence_back': both / n_b,
            'lift': confidence / (n_b / n), 'leverage': both / n - n_a * n_b / n / n,
            'conviction': (1 - n_b / n) / (1 - confidence) if confidence < 1 else None,
            'p': sum(math.comb(n_b, k) * math.comb(n - n_b, n_a - k) for k in range(both, min(n_a, n_b) + 1)) / math.comb(n, n_a)}


def same(rule, a, b, sets):
    expected = measures(a, b, sets)
    return {'a', 'b', 'basket', *expected} == set(rule) and (rule['a'], rule['b'], rule['basket']) == (a, b, 'order') and \
        all(rule[k] == x or (x and rule[k] is not None and abs(rule[k] - x) <= 1e-5 * abs(x)) for k, x in expected.items())


def shows(t, config, sets, pairs, *args):
    """waits until `glintctl rules ARGS` shows these rules (a, b) and no others, with the figures of the baskets: the list is made from model rows, which
    come back some moments after the counts"""
    seen = {}

    def right():
        done = t.ctl(config, 'rules', *args, '--json', check=False)
        seen.clear()
        seen.update(json.loads(done.stdout) if done.returncode == 0 else {'rules': []})
        return len(seen['rules']) == len(pairs) and all(same(r, a, b, sets) for r, (a, b) in zip(seen['rules'], pairs))
    try:
        wait_for(right, what='the rules')
    except AssertionError as e:
        raise AssertionError('%s\nexpected: %s\nseen: %s' % (e, [dict(measures(a, b, sets), a=a, b=b) for a, b in pairs], seen))
    return seen


@case
def between_categories(t):
    'rules --categories shows what the orders say of categories, in every measure; rules what they say of items; neither shows the other.'
    config = filled(t, ORDERS, ['u%d' % n for n in range(len(ORDERS))])
    # in the direction of the greater confidence: 12 of 15 chains, 12 of 16 rings
    view = shows(t, config, [{CATEGORIES[i] for i in o if i in CATEGORIES} for o in ORDERS], [('chains', 'rings')], '--categories')
    assert view['baskets'] == {'order': 65, 'session': 0}, view
    lines = t.ctl(config, 'rules', '--categories').stdout.splitlines()
    assert len(lines) == 3 and lines[0].startswith('strongest rules between categories') and lines[2].split()[:4] == ['chains', 'rings', 'order', '12'], lines
    # by shrunk confidence: 6 of 6 and then 6 of 9
    shows(t, config, [set(o) for o in ORDERS], [('chain-2', 'ring-2'), ('chain-1', 'ring-1')])


@case
def of_k_orders(t):
    'With k_of_counts what fewer than k orders hold is not shown: no rule, no place in a top list, no figures of the item; what k hold is.'
    config = filled(t, ORDERS, ['u%d' % n for n in range(len(ORDERS))], privacy={'k': 10, 'k_of_counts': 'yes'})
    shows(t, config, [{CATEGORIES[i] for i in o if i in CATEGORIES} for o in ORDERS], [('chains', 'rings')], '--categories')
    shows(t, config, [set(o) for o in ORDERS], [])
    wait_for(lambda: {x['item'] for x in t.ctl_json(config, 'trending', '--top', 50)['popular']} == {'ring-1', 'lamp', 'bowl'}, what='items of 10, 36 and 16 orders alone')
    buys = lambda item: (json.loads(t.ctl(config, 'item', item, '--json', check=False).stdout or '{}').get('item') or {}).get('buys')
    wait_for(lambda: [buys(i) for i in ('ring-1', 'lamp', 'bowl', 'ring-2', 'chain-1', 'chain-2')] == ['10', '36', '16', None, None, None], what='figures of items')


@case
def of_three(t):
    'sets shows what is bought with an item and another, where that says more than either alone; of an item without, exit code 69 and a sentence.'
    # charm comes where ring and chain are together, hardly with one of them alone
    orders = 8 * [['ring-1', 'chain-1', 'charm']] + 4 * [['ring-1', 'charm']] + 4 * [['chain-1', 'charm']] + 20 * [['ring-1']] + 20 * [['chain-1']] + \
        40 * [['lamp']] + 5 * [['ring-1', 'chain-1']]
    users = ['u%d' % n for n in range(len(orders))]
    config = filled(t, orders, users)

    def rule(a, b, c):
        n_left, both, n_c = (sum(set(x) <= set(o) for o in orders) for x in ((a, b), (a, b, c), (c,)))
        return {'with': [b], 'item': c, 'count': both, 'n_with': n_left, 'confidence': both / n_left, 'lift': both / n_left * len(orders) / n_c}

    def shown(item, *rules):
        seen = t.ctl(config, 'sets', item, '--json', check=False)
        got = json.loads(seen.stdout)['rules'] if seen.returncode == 0 else []
        return len(got) == len(rules) and all(set(g) == set(r) and all(abs(g[k] - x) < 1e-5 * x if isinstance(x, float) else g[k] == x for k, x in r.items())
                                              for g, r in zip(got, rules))
    for item, rules in {'ring-1': [rule('ring-1', 'chain-1', 'charm')], 'chain-1': [rule('chain-1', 'ring-1', 'charm')], 'charm': []}.items():
        wait_for(lambda: shown(item, *rules), what='the rules of ' + item)  # pylint: disable=cell-var-from-loop
    lines = t.ctl(config, 'sets', 'ring-1').stdout.splitlines()
    assert lines[-1].split()[:4] == ['["chain-1"]', 'charm', '8', '13'], lines
    done = t.ctl(config, 'sets', 'bowl', check=False)
    assert done.returncode == 69 and 'set_size' in done.stderr, done


@case
def none_yet(t):
    'Before there are orders there are no rules: exit code 69 and a sentence, of either list.'
    _, config = t.embedded(t.redis(), **SETTINGS)
    for args, sentence in ((('rules',), 'no rules yet'), (('rules', '--categories'), 'no rules between categories yet')):
        done = t.ctl(config, *args, check=False)
        assert done.returncode == 69 and sentence in done.stderr, done


main()
