"""Redis against the independent counts of tests/oracle (views.py, opinions.py): every field that is exact, and no other of its kind."""
import re

OURS = {  # of a key's fields, those that the count speaks of
    'campaign': r'(?!(today_)?uniques$|v$|as_of$|commit$)',
    'user': r'orders$|revenue:',
    'item': r'(views|clicks|carts|buys)$|revenue:',
    'sentiment': r'(positive|neutral|negative)_(1h|1d|7d)$',
}
NO_KEYS = r':minutes$|^glint:sentiment:(aspect|category):'
WINDOWS = ('1h', '1d', '7d')


def sentiment_fields(line):
    """of a scope's line of opinions.py. A mean is the lexicon's to say, but without reviews there is none"""
    fields = {'%s_%s' % (name, w): line.get('%s_%s' % (name, w), 0) for name in ('positive', 'neutral', 'negative') for w in WINDOWS}
    return dict(fields, **{'mean_' + w: None for w in WINDOWS if not fields['positive_' + w] + fields['negative_' + w]})


def same(want, got):
    if want is None or got is None:
        return got is None and not want  # what was never counted may have no field
    if isinstance(want, int):
        return re.fullmatch(r'-?\d+', got) and int(got) == want
    return abs(float(got) - want) <= 5.1e-6 * abs(want)  # six digits are shown


def differences(db, views, scores):
    """views: {key without prefix: fields}; what differs, as sentences; the number of fields looked at"""
    wrong, looked = [], 0
    keys = {'glint:' + key for key in views}
    for kind in {key.split(':')[0] for key in views}:
        keys |= {k for k in db.do('KEYS', 'glint:%s:*' % kind) if not re.search(NO_KEYS, k)}
    keys = sorted(keys)
    for key, flat in zip(keys, db.pipeline([('HGETALL', key) for key in keys])):
        got, want = dict(zip(flat[::2], flat[1::2])), views.get(key[len('glint:'):], {})
        for field in sorted(set(want) | {f for f in got if re.match(OURS[key.split(':')[1]], f)}):
            looked += 1
            if not same(want.get(field, 0), got.get(field)):
                wrong.append('%s %s: expected %s, Redis has %s' % (key, field, want.get(field, 0), got.get(field)))
    for key, members in scores.items():
        flat = db.do('ZRANGE', 'glint:' + key, 0, -1, 'WITHSCORES')
        looked += len(members)
        if {m: int(float(n)) for m, n in zip(flat[::2], flat[1::2])} != members:
            wrong.append('glint:%s: expected %s, Redis has %s' % (key, members, flat))
    return wrong, looked
