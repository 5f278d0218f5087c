#!/usr/bin/env python3
"""glintctl forget on a real Kafka: the shopper is gone from Redis, rows and counts, and neither a kill, a restore that reads the whole
log again nor the same events sent again bring anything back."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
import hashlib
import hmac
from glintlib import *
from shop import Shop
from stage import INPUTS, Stage


def shoppers(dump):
    return {x['user']: x for x in read_jsonl(dump) if x['kind'] == 'user'}


def ratings(dump):
    return {x['item']: (x['rating_n'], x['rating_sum']) for x in read_jsonl(dump) if x['kind'] == 'item' and x.get('rating_n')}


def gone(db, user):
    return not db.do('EXISTS', 'glint:recs:' + user, 'glint:user:' + user, 'glint:next:' + user)


def opinions(dump):
    return {x['scope']: x['negative'] + x['neutral'] + x['positive'] for x in read_jsonl(dump) if x['kind'] == 'sentiment'}


def without(reviews, user):
    """ratings of the last review of each shopper and item, as those who stay have given them"""
    last = {(e['user_id'], e['item_id']): e for e in reviews if e.get('rating')}
    sums = {}
    for (who, item), e in last.items():
        n, total = sums.get(item, (0, 0))
        if who != user:
            sums[item] = (n + 1, total + e['rating'])
    return sums


def same_ratings(dump, want):
    got = ratings(dump)
    wrong = {i: (got.get(i), w) for i, w in want.items() if w[0] and (i not in got or got[i][0] != w[0] or abs(got[i][1] - w[1]) > 1e-6)}
    assert not wrong and set(got) <= {i for i, w in want.items() if w[0]}, wrong


@case
def forgotten(t):
    'A forgotten shopper leaves Redis, rows and ratings, and stays away through a kill, a whole restore and a repeat of the topics.'
    s = Stage(t, glint={'snapshot_interval': '10min'})  # nothing but the last rows: a restore reads the logs from the start
    sent = dict(zip(INPUTS, s.fill_shop(Shop(seed=5, users=60, days=2, events=3000))))
    user = max(sent['reviews'], key=lambda e: sum(x['user_id'] == e['user_id'] for x in sent['reviews']))['user_id']
    daemon = s.daemon()
    db = s.settled().redis.client()
    assert not gone(db, user)
    before = s.dump('before.jsonl')
    assert user in shoppers(before)
    assert t.ctl(s.config, 'forget', '', check=False).returncode == 64

    t.ctl(s.config, 'forget', user)
    wait_for(lambda: gone(db, user), 60, 'the keys of %s are gone' % user)
    wanted = without(sent['reviews'], user)
    after = wait_for(lambda: (lambda d: d if user not in shoppers(d) else None)(s.dump('after.jsonl')), 60, '%s is in no row' % user)
    same_ratings(after, wanted)
    assert set(shoppers(before)) - set(shoppers(after)) == {user}
    written, was, left = [e for e in sent['reviews'] if e['user_id'] == user and e.get('text')], opinions(before), opinions(after)
    assert 1 <= len(written) <= 10 and left['all'] == was['all'] - len(written), (len(written), was['all'], left['all'])
    items = {'item:' + e['item_id'] for e in written}
    assert all(left.get(i, 0) == was[i] - sum('item:' + e['item_id'] == i for e in written) for i in items), (was, left)
    wait_for(lambda: all(db.do('EXISTS', 'glint:sentiment:' + i) == (1 if i in left else 0) for i in items), 60, 'Redis has no opinions of %s' % user)

    daemon.kill9()
    s.daemon()
    s.settled()
    again = s.dump('again.jsonl')
    assert user not in shoppers(again) and gone(db, user)
    same_ratings(again, wanted)
    assert opinions(again) == left

    for kind in INPUTS:  # all of it once more: repeats of those who are there, late of who is not
        s.fill(kind, [e for e in sent[kind] if e['user_id'] == user])
    s.settled()
    repeated = s.dump('repeated.jsonl')
    assert user not in shoppers(repeated) and gone(db, user)
    same_ratings(repeated, wanted)
    assert opinions(repeated) == left


def put(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


@case
def pseudonyms(t):
    'With a key no id of a shopper is behind the decoder: Redis, dump and log have pseudonyms, which glintctl makes of the shop\'s ids.'
    key = t.path('key')
    put(key, 'a secret of more than sixteen bytes\n')
    s = Stage(t, privacy={'key_file': key})
    sent = s.fill_shop(Shop(seed=6, users=40, days=2, events=1500))
    users = sorted({e['user_id'] for events in sent for e in events})
    names = {u: hmac.new(b'a secret of more than sixteen bytes', u.encode(), hashlib.sha256).hexdigest()[:32] for u in users}
    daemon = s.daemon()
    db = s.settled().redis.client()
    assert set(shoppers(s.dump())) == set(names.values())
    keys = {k.split(':', 2)[2] for k in db.keys('glint:user:*') + db.keys('glint:recs:*') if '_default' not in k}
    assert keys == set(names.values()), keys ^ set(names.values())
    assert not [u for u in users if u in daemon.log_text()]
    assert t.ctl_json(s.config, 'recs', users[0])['items'] == db.json('glint:recs:' + names[users[0]])['items']
    t.ctl(s.config, 'forget', users[0])
    wait_for(lambda: gone(db, names[users[0]]), 60, 'the keys of %s are gone' % users[0])
    assert not gone(db, names[users[1]])
    put(key, 'short\n')
    refused = t.ctl(s.config, 'stats', check=False)
    assert refused.returncode == 78 and 'a key has at least 16' in refused.stderr, refused.stderr


@case
def excerpts(t):
    'With a key, too, an alert quotes nobody who wrote the id that the shop knows: the pseudonym hides it from the state, not from the text.'
    put(t.path('key'), 'a secret of more than sixteen bytes\n')
    redis = t.redis()
    _, config = t.embedded(redis, privacy={'key_file': t.path('key')}, glint={'commit_interval': '50ms', 'max_drift': '365d', 'user_expiry': 0, 'item_expiry': 0})
    start = 19676 * 86400000

    def review(n, ts, user, text):
        return {'event_id': 'r%d' % n, 'ts': start + ts, 'user_id': user, 'item_id': 'x', 'text': text, 'lang': 'en'}
    bad = [review(n, n * 60000, 'customer-%04d' % n, 'Terrible and awful. My login is customer-%04d, refund me.' % n) for n in range(14)]
    t.replay(config, 'reviews', bad + [review(99, 86400000, 'later', 'Nice')])
    alerts = wait_for(lambda: redis.client().do('XRANGE', 'glint:alerts', '-', '+'), 60, 'an alert')
    assert 'My login is …, refund me.' in str(alerts) and 'customer-' not in str(alerts), alerts


main(at_once=2)
