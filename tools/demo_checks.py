"""What must be true when the demo ends: what Redis holds against what was sent. Called by tools/demo; reads Redis, writes nothing."""
from demo_redis import entries, pairs, parsed
from demo_screen import fold

OUTCOMES = ('applied', 'duplicate', 'late', 'filtered', 'dead_lettered')


class Wrong(Exception):
    """a check that does not hold, in a sentence"""


def must(holds, sentence, *values):
    if not holds:
        raise Wrong(sentence % values)


def number(n):
    return '{:,}'.format(n)


def beat_of(redis):
    return parsed(redis.do('GET', 'glint:heartbeat:demo')) or {}


def check_events(redis, sent, exactly=True):
    beat = beat_of(redis)
    counted = {o: beat.get(o, 0) for o in OUTCOMES}
    told = ', '.join('%s %s' % (number(n), o) for o, n in counted.items() if n)
    must(sum(counted.values()) == sent, '%s sent, but %s', number(sent), told)
    must(counted['applied'] == sent or not exactly, '%s sent, but only %s', number(sent), told)
    return '%s sent = %s%s' % (number(sent), told, '; none twice, late or refused' if counted['applied'] == sent else '')


def check_lists(redis, truth, items):
    names = [k for k in redis.keys('glint:recs:*') if not k.startswith('glint:recs:_default')]
    must(names, 'no shopper has a list')
    reasons = 0
    for at in range(0, len(names), 500):
        part = names[at:at + 500]
        for name, text in zip(part, redis.pipeline([('GET', k) for k in part])):
            user = name[len('glint:recs:'):]
            for pick in parsed(text)['items']:
                item, why = pick['item'], pick['why']
                must(item not in truth.bought.get(user, ()), '%s is recommended %s, bought before', user, item)
                must(items.get(item, {}).get('available', True), '%s is recommended %s, which is sold out', user, item)
                if why.get('seed') is None:
                    continue
                reasons += 1
                seed, count = why['seed'], why.get('count')  # none: what is alike in the catalogue
                must(seed in truth.seen.get(user, ()), '%s: the reason names %s, which is not in the history', user, seed)
                if why['kind'] == 'bought_together':
                    most = truth.pairs[min(seed, item), max(seed, item)]
                    must(1 <= count <= most, '%s: %s and %s bought together %d times, but the orders hold %d', user, seed, item, count, most)
    return "%s shoppers' lists, %s reasons: each from the shopper's own history; nothing bought or sold out in them" % (
        number(len(names)), number(reasons))


def title(items, item):
    return items.get(item, {}).get('title') or item


def check_rules(redis, truth, items, planted=None):
    rules = [r for r in (parsed(redis.do('GET', 'glint:rules')) or {'rules': []})['rules'] if r['basket'] == 'order']
    if planted is None and not rules:
        return 'no pair of items is in enough orders'
    must(rules, 'no rule was found')
    for r in rules:
        a, b = r['a'], r['b']
        found = r['count'], r['n_a'], r['n_b']
        want = truth.pairs[min(a, b), max(a, b)], truth.holding[a], truth.holding[b]
        must(found == want, '%s and %s: %s in Redis, %s in the orders (both, first, second)', a, b, found, want)
    best = rules[0]
    first, second, n = best['a'], best['b'], best['n_a']
    if planted and first not in planted:
        first, second, n = second, first, best['n_b']  # the direction that was planted
    told = '%s → %s, in %d of %d orders (%.0f %%)' % (title(items, first), title(items, second), best['count'], n, 100 * best['count'] / n)
    if planted is None:
        return 'strongest: %s; all %d counted as the files do' % (told, len(rules))
    must(planted.get(first, ('', 0))[0] == second, 'the strongest rule is none that was planted: %s', told)
    kept = sum(1 for a, (b, _) in planted.items() if any({a, b} == {r['a'], r['b']} for r in rules))
    must(kept == len(planted), 'only %d of %d planted rules were found', kept, len(planted))
    return 'strongest: %s, planted at %.0f %%; all %d planted found, counts as sent' % (told, 100 * planted[first][1], kept)


def check_campaigns(redis, truth):
    must(truth.campaigns, 'no campaign')
    told = []
    for name, figures in sorted(truth.campaigns.items()):
        found = pairs(redis.do('HGETALL', 'glint:campaign:' + name))
        for figure, n in figures.items():
            if figure != 'other':
                must(found.get(figure) == str(n), '%s: %s is %s in Redis, %d were sent', name, figure, found.get(figure), n)
        told.append('%s %s clicks, %s attributed orders' % (name, number(figures['clicks']), number(figures['attributed_orders'])))
    return '%s; every figure as counted from what was sent' % '; '.join(told)


def check_alert(redis, shop):
    alerts = [a for a in entries(redis.do('XRANGE', 'glint:alerts', '-', '+')) if a['state'] == 'raised' and a['scope'].startswith('item:')]
    name = '%s (%s), whose reviews turned bad' % (shop.items[shop.bad]['title'], shop.bad)
    mine = [a for a in alerts if a['scope'] == 'item:' + shop.bad]
    must(mine, 'no alert was raised for %s', name)
    must(len(mine) == len(alerts), 'alerts were raised for %s besides %s', ', '.join({a['scope'] for a in alerts} - {mine[0]['scope']}), name)
    must(shop.bad in redis.do('SMEMBERS', 'glint:blocked') or mine[-1]['severity'] != 'high', '%s: under a high alert, but not in glint:blocked', name)
    return 'raised for %s, and for no other product' % name


def gather(checks):
    """[(name, holds, sentence)]"""
    results = []
    for name, check, *args in checks:
        try:
            results.append((name, True, check(*args)))
        except Wrong as why:
            results.append((name, False, str(why)))
    return results


def of_shop(redis, sent, truth, shop):
    return gather([('events', check_events, redis, sent), ('lists', check_lists, redis, truth, shop.items),
                   ('rules', check_rules, redis, truth, shop.items, shop.rules), ('campaigns', check_campaigns, redis, truth),
                   ('alert', check_alert, redis, shop)])


def of_data(redis, sent, truth, items):
    return gather([('events', check_events, redis, sent, False), ('lists', check_lists, redis, truth, items),
                   ('rules', check_rules, redis, truth, items)])


def rules_hold(redis, truth, items):
    return all(holds for _, holds, _ in gather([('rules', check_rules, redis, truth, items)]))


def report(results, seconds, columns=120):
    """prints the summary; the program's exit code"""
    for name, holds, sentence in results:
        head = 'ok' if holds else 'FAILED', name
        for line in fold(sentence, columns - 19):
            print('%-6s  %-9s  %s' % (*head, line))
            head = '', ''
    failed = [name for name, holds, _ in results if not holds]
    print('%.0f s; %s' % (seconds, 'FAILED: ' + ', '.join(failed) if failed else 'all as it should be'), flush=True)
    return 1 if failed else 0
