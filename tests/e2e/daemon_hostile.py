#!/usr/bin/env python3
"""Hostile records on a real Kafka: each ends unchanged in the dead-letter topic, once; the good ones between them are applied."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
from avrobytes import long, maybe, review, text
from shop import START
from stage import INPUTS, Counts, Stage, oracle_counts, user_in

PARTITIONS = 4
MAX_RECORD = 2 << 20     # of the input topics
RSS_GROWTH_KIB = 96 << 10  # all that is sent, read and to be written, in memory twice; what the records claim is 200 MB to 8 EiB
BIG = 2 ** 62
RESTS = {'snapshot_interval': '10min', 'max_skew': '5min'}

# what a shop's own schema may hold: every type that the plan can only skip
WIDE = {'type': 'record', 'name': 'Wide', 'fields': [
    {'name': 'event_id', 'type': 'string'}, {'name': 'ts', 'type': 'long'}, {'name': 'user_id', 'type': 'string'},
    {'name': 'action', 'type': {'type': 'enum', 'name': 'Action', 'symbols': ['VIEW', 'CLICK', 'DANCE']}},
    {'name': 'item_id', 'type': ['null', 'string']}, {'name': 'query', 'type': ['null', 'string']}, {'name': 'other', 'type': 'string'},
    {'name': 'pick', 'type': ['null', 'int', 'string']}, {'name': 'letter', 'type': {'type': 'enum', 'name': 'Letter', 'symbols': ['P', 'Q']}},
    {'name': 'flag', 'type': 'boolean'}, {'name': 'map', 'type': {'type': 'map', 'values': 'bytes'}},
    {'name': 'nulls', 'type': {'type': 'array', 'items': 'null'}},
    {'name': 'chain', 'type': {'type': 'record', 'name': 'Chain', 'fields': [{'name': 'next', 'type': ['null', 'Chain']}]}},
    {'name': 'tree', 'type': {'type': 'record', 'name': 'Tree', 'fields': [{'name': 'all', 'type': {'type': 'array', 'items': 'Tree'}}]}}]}
WIDE_GOOD = {'action': long(0), 'item_id': maybe(None), 'query': maybe(None), 'other': text(''), 'pick': long(0), 'letter': long(0),
             'flag': b'\0', 'map': b'\0', 'nulls': b'\0', 'chain': b'\0', 'tree': b'\0'}

# in the specification's parsing canonical form, so that its bytes are what the fingerprint is of
ORDER = ('{"name":"Order","type":"record","fields":[{"name":"event_id","type":"string"},{"name":"ts","type":"long"},{"name":"user_id","type":"string"},'
         '{"name":"order_id","type":"string"},{"name":"currency","type":"string"},{"name":"lines","type":{"type":"array","items":{"name":"Line",'
         '"type":"record","fields":[{"name":"item_id","type":"string"},{"name":"quantity","type":"int"},{"name":"unit_price_minor","type":"long"}]}}}]}')


def crc64_avro(data):
    """CRC-64-AVRO as the specification gives it"""
    empty = 0xc15d213aa4d7a795
    table = []
    for i in range(256):
        fp = i
        for _ in range(8):
            fp = fp >> 1 ^ (empty if fp & 1 else 0)
        table.append(fp)
    fp = empty
    for byte in data:
        fp = fp >> 8 ^ table[(fp ^ byte) & 0xff]
    return fp


SINGLE = b'\xc3\x01' + crc64_avro(ORDER.encode()).to_bytes(8, 'little')
CONFLUENT = b'\0\0\0\0\x07'


def click(user, ts=START, event_id='x', **parts):
    """with WIDE; parts are bytes, one for a field"""
    head = {'event_id': text(event_id), 'ts': long(ts), 'user_id': text(user)}
    return b''.join({**head, **WIDE_GOOD, **parts}[f['name']] for f in WIDE['fields'])


def order(user, ts=START, event_id='x', order_id='o', currency='EUR', lines=(('i', 1, 100),), framing=SINGLE, count=None):
    body = long(len(lines) if count is None else count) + b''.join(text(i) + long(q) + long(p) for i, q, p in lines) + long(0)
    return framing + text(event_id) + long(ts) + text(user) + text(order_id) + text(currency) + body


def small_corpus(user, noise):
    """{input: [(value, reason, field)]}; reason None: a tombstone"""
    ahead = int(time.time() * 1000) + 3600000
    clicks = [(b'', 'empty', ''), (None, None, '')]
    for n in (3000, 1 << 20, 2 ** 31 - 1, 1 << 34, BIG, 2 ** 63 - 1):
        clicks += [(click(user, other=long(n) + b'ab'), 'truncated', None), (click(user, query=long(1) + long(n) + b'ab'), 'truncated', 'query'),
                   (click(user, map=long(1) + long(n) + b'ab'), 'truncated', None), (click(user, other=long(-n) + b'ab'), 'bad_length', None),
                   (click(user, user_id=long(n) + b'ab'), 'truncated', 'user_id')]
    for n in (200000000, -200000000, 2 ** 63 - 1, -2 ** 63):
        clicks.append((click(user, nulls=long(n) + b'\0' * 8), 'too_many_items', None))
    for n in (-1, 3, 64, 1 << 20, 2 ** 63 - 1):
        clicks += [(click(user, pick=long(n)), 'bad_union_index', None), (click(user, item_id=long(n)), 'bad_union_index', 'item_id'),
                   (click(user, letter=long(n)), 'bad_enum_index', None), (click(user, action=long(n)), 'bad_enum_index', 'action')]
    clicks += [(click(user, chain=b'\x02' * 100000 + b'\0'), 'too_deep', None), (click(user, tree=b'\x02' * 100000 + b'\0' * 100001), 'too_deep', None),
               (click(user, flag=b'\x02'), 'bad_boolean', None), (click(user, pick=b'\xff' * 9 + b'\x02'), 'bad_varint', None),
               (click(user, action=long(2)), 'unknown_symbol', 'action'), (click(user) + b'\0', 'trailing_bytes', ''),
               (click(user, nulls=long(60000) * 2 + b'\0'), 'too_many_items', None)]
    clicks += [(click(user)[:n], 'truncated', None) for n in range(1, len(click(user)))]
    for wrong in (b'\x80', b'\xc0\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe2\x82', b'\xff'):
        clicks += [(click(user, query=maybe(b'abc' + wrong)), 'bad_utf8', 'query'), (click(user, user_id=text(wrong + b'u')), 'bad_utf8', 'user_id')]
    for control in ('\0', '\x07', '\n', '\x1b', '\x7f'):
        clicks.append((click(user, event_id='bell' + control), 'control_character', 'event_id'))
    clicks += [(click(user, item_id=maybe('it\x01em')), 'control_character', 'item_id'), (click(user, event_id=''), 'empty_id', 'event_id'),
               (click(''), 'empty_id', 'user_id'), (click(user, event_id='x' * 1025), 'id_too_long', 'event_id'),
               (click(user, ts=0), 'bad_ts', 'ts'), (click(user, ts=-5), 'bad_ts', 'ts'), (click(user, ts=-2 ** 63), 'bad_ts', 'ts'),
               (click(user, ts=ahead), 'ahead_of_clock', 'ts'), (click(user, ts=2 ** 63 - 1), 'ahead_of_clock', 'ts')]
    orders = [(b'', 'empty', ''), (None, None, ''), (order(user, framing=b''), 'bad_framing', ''), (noise.randbytes(300), 'bad_framing', ''),
              (order(user, framing=b'\xc3\x01' + b'\0' * 8), 'unknown_fingerprint', ''), (order(user, framing=CONFLUENT), 'bad_framing', ''),
              (order(user, count=BIG), None, None), (order(user, currency='eur'), 'bad_currency', 'currency'),
              (order(user, order_id=''), 'empty_id', 'order_id'), (order(user, lines=[('i', -1, 1)]), 'out_of_range', None),
              (order(user, lines=[('i', 1, 10 ** 14)]), 'out_of_range', None), (SINGLE, 'truncated', None), (b'\xc3', 'bad_framing', ''),
              (order(user, ts=ahead), 'ahead_of_clock', 'ts')]
    orders[6] = (orders[6][0], 'too_many_items', None)
    reviews = [(b'', 'empty', ''), (None, None, ''), (review('x', START, user, 'w'), 'bad_framing', ''),
               (b'\0\0\0\0\x09' + review('x', START, user, 'w'), 'unknown_schema_id', ''),
               (b'\0\0\0\0\x08' + review('x', START, user, 'w'), 'unusable_schema', ''), (b'\0\0', 'bad_framing', ''), (CONFLUENT, 'truncated', None),
               (CONFLUENT + review('x', START, user, 'w', rating=7), 'bad_rating', 'rating'),
               (CONFLUENT + review('x', START, user, 'w', rating=float('nan')), 'bad_rating', 'rating'),
               (CONFLUENT + review('x', START, user, 'w', item=None), 'no_subject', None),
               (CONFLUENT + review('x', START, user, b'\xc3\x28'), 'bad_utf8', 'text')]
    return {'clicks': clicks, 'purchases': orders, 'reviews': reviews}


def large_corpus(user, noise):
    """of ~900 KB, of 1,000,000 bytes to 1 MiB (still read), and beyond; incompressible where the kind allows it"""
    clicks = []
    for size in (900000, 1040000):
        letters = noise.randbytes(size // 2).hex()
        whole = click(user, query=maybe(letters))
        clicks += [(whole + b'\0', 'trailing_bytes', ''), (whole[:size // 2], 'truncated', 'query'),
                   (click(user, query=maybe(letters.encode() + b'\xff')), 'bad_utf8', 'query'),
                   (click(user, event_id=letters), 'id_too_long', 'event_id'),
                   (click(user, nulls=b'\x02' * size), 'too_many_items', None), (noise.randbytes(size), None, None)]
    for size in ((1 << 20) + 1, 1500000, MAX_RECORD - 1000):
        clicks += [(noise.randbytes(size), 'too_large', ''), (click(user, other=text(b'y' * size)), 'too_large', '')][:2 if size < 2000000 else 1]
    return clicks


ANY = 'any'


class Sent:
    """what was sent, by (topic, partition) in order: (value, key, outcome, reason, field)"""

    def __init__(self, s):
        self.s, self.rows, self.good = s, {}, 0
        self.client = s.client(message_max_bytes=4 << 20)

    def send(self, kind, partition, value, key, outcome, reason='', field=None):
        self.rows.setdefault((self.s.topic(kind), partition), []).append((value, key, outcome, reason, field))
        self.client.send(self.s.topic(kind), value, key, partition)

    def bad(self, kind, partition, value, reason, field, key):
        self.send(kind, partition, value, key, 'filtered' if value is None else 'dead_lettered', reason or ANY, field)

    def good_one(self, kind, partition, size=0):
        """distinct items, so that each is seen to be applied"""
        self.good += 1
        user, item, ts = user_in(partition), 'good-%s-%d' % (kind, self.good), START + self.good
        if kind == 'clicks':
            value = click(user, ts, 'g%d' % self.good, item_id=maybe(item), query=maybe('z' * size))
        elif kind == 'purchases':
            value = order(user, ts, 'g%d' % self.good, 'o%d' % self.good, lines=[(item, 1, 100)])
        else:
            value = CONFLUENT + review('g%d' % self.good, ts, user, 'great', item=item, rating=4.0)
        self.send(kind, partition, value, user.encode(), 'applied')
        return item

    def totals(self):
        """{(topic, partition, outcome): n}"""
        found = {}
        for (topic, partition), rows in self.rows.items():
            for row in rows:
                found[topic, partition, row[2]] = found.get((topic, partition, row[2]), 0) + 1
        return found


def binary_key(partition, length):
    """a key of bytes, not a text, that the partitioner sends there"""
    keys = (bytes([0, 255, i & 255, i >> 8]) * (length // 4) for i in range(10000))
    return next(k for k in keys if (oracle_counts.murmur2(k) & 0x7fffffff) % PARTITIONS == partition)


def stage(t):
    def save(name, words):
        os.makedirs(os.path.dirname(t.path(name)), exist_ok=True)
        with open(t.path(name), 'w') as f:
            f.write(words)
        return t.path(name)
    with open(os.path.join(TOP, 'schemas/review.avsc')) as f:
        save('ids/7.avsc', f.read())
    save('ids/8.avsc', '{"type": "record", "name": "Broken"')
    save('orders/order.avsc', ORDER)
    s = Stage(t, glint=RESTS, create=False, topics={
        'clicks.framing': 'bare', 'clicks.schema': save('schemas/wide.avsc', json.dumps(WIDE)), 'purchases.framing': 'single',
        'purchases.schema_ids': t.path('orders'), 'reviews.framing': 'confluent', 'reviews.schema_ids': t.path('ids')})
    client = s.client()

    def there():
        try:
            return all(client.bounds(s.topic(kind), p) == (0, 0) for kind in INPUTS for p in range(PARTITIONS))
        except RuntimeError:
            return False
    for kind in INPUTS:
        client.create_topic(s.topic(kind), PARTITIONS, max_message_bytes=MAX_RECORD)
    wait_for(there, 60, 'the inputs have leaders')
    return s


def dead_letters(s):
    """{(topic, partition): {offset: record}}; fails when one is there twice, or not where its record was"""
    reader = s.client(consumer=True, enable_partition_eof='true', fetch_message_max_bytes=4 << 20)
    found = {}
    for p in range(PARTITIONS):
        for r in reader.read(s.t.prefix + '-dead-letter', p):
            names = [name for name, _ in r.headers]
            assert names in (['reason', 'topic', 'partition', 'offset'], ['reason', 'topic', 'partition', 'offset', 'field']), names
            h = {name: value.decode() for name, value in r.headers}
            assert h['partition'] == str(p), (p, h)
            of = found.setdefault((h['topic'], p), {})
            assert int(h['offset']) not in of, ('twice', h)
            of[int(h['offset'])] = (r.value, r.key, h['reason'], h.get('field', ''))
    return found


def same_letters(s, sent):
    """every refused record, unchanged and for its reason, and nothing else; returns their number"""
    letters = dead_letters(s)
    n, wrong = 0, []
    for at, rows in sent.rows.items():
        want = {i: row for i, row in enumerate(rows) if row[2] == 'dead_lettered'}
        got = letters.pop(at, {})
        assert sorted(got) == sorted(want), (at, sorted(set(got) ^ set(want))[:10])
        for i, (value, key, _, reason, field) in want.items():
            assert got[i][0] == value, (at, i, reason, 'value', value[:40], (got[i][0] or b'(null)')[:40])
            assert got[i][1] == key, (at, i, reason, 'key', key and key[:20], got[i][1] and got[i][1][:20])
            if not got[i][2] or reason not in (ANY, got[i][2]) or field not in (None, got[i][3]):
                wrong.append((at, i, value[:40], (reason, field), got[i][2:]))
        n += len(want)
    assert not letters, list(letters)
    assert not wrong, '\n'.join(map(repr, wrong[:20]))
    return n


def same_counters(s, sent, daemon, dump):
    """each record in one counter: of the dump, and of /metrics"""
    want = sent.totals()
    got = {k: n for k, n in Counts(dump).counters.items() if n}
    assert got == want, {k: (want.get(k), got.get(k)) for k in set(want) | set(got) if want.get(k) != got.get(k)}
    pattern = r'glint_records_total\{topic="(.*)",partition="(\d+)",outcome="(\w+)"\}'

    def told():
        found = ((re.fullmatch(pattern, name), n) for name, n in daemon.metrics().items())
        return {(m.group(1), int(m.group(2)), m.group(3)): n for m, n in found if m and n} == want
    wait_for(told, 60, '/metrics says what the dump says')


def peak_kib(pid):
    with open('/proc/%d/status' % pid) as f:
        return int(re.search(r'VmHWM:\s+(\d+) kB', f.read()).group(1))


@case
def corpus(t):
    """Every kind of hostile record ends once and unchanged in the dead-letter topic, within 96 MiB, the good ones between them are applied,
    and neither kill -9 nor SIGTERM makes a second letter."""
    s, noise = stage(t), random.Random(41)
    sent, items = Sent(s), []
    daemon = s.daemon()
    for p in range(PARTITIONS):
        items += [sent.good_one(kind, p) for kind in INPUTS]
    sent.client.flush()
    s.settled()
    before = rss_kib(daemon.pid)
    for p in range(PARTITIONS):
        user = user_in(p)
        keys = [user.encode(), user.encode(), None, b'', binary_key(p, 8), binary_key(p, 4000)]
        corpora = small_corpus(user, noise)
        for kind in INPUTS:
            for i, (value, reason, field) in enumerate(corpora[kind]):
                sent.bad(kind, p, value, reason, field, keys[i % len(keys)])
                if i % 5 == 4:
                    items.append(sent.good_one(kind, p))
        for value, reason, field in large_corpus(user, noise)[p::2]:
            sent.bad('clicks', p, value, reason, field, user.encode())
            items.append(sent.good_one('clicks', p, 900000 if noise.random() < .5 else 10))
        items.append(sent.good_one('clicks', p, 1040000))
        items += [sent.good_one(kind, p) for kind in INPUTS]
    begin = time.monotonic()
    sent.client.flush()
    s.settled()
    took, grown = time.monotonic() - begin, peak_kib(daemon.pid) - before
    assert grown <= RSS_GROWTH_KIB, grown
    dump = s.dump()
    same_counters(s, sent, daemon, dump)
    n = same_letters(s, sent)
    size = sum(len(row[0] or b'') for rows in sent.rows.values() for row in rows)
    print('# %d letters, %d applied, %d MB; %.1f s, %d MiB more at the peak' % (n, sent.good, size // 1000000, took, grown >> 10))
    known = Counts(dump).items
    assert len(items) == len(set(items)) == sent.good and not set(items) - set(known), sorted(set(items) - set(known))[:5]
    assert all(known[i]['rating_n'] == 1 and known[i]['rating_sum'] == 4 for i in items if 'reviews' in i)
    # no row was due: the next start reads all of it again, and so does the one after it from rows
    for end in (daemon.kill9, daemon.term):
        end()
        daemon.start()
        for p in range(PARTITIONS):
            sent.bad('clicks', p, click(user_in(p), ts=-1), 'bad_ts', 'ts', user_in(p).encode())
            sent.good_one('reviews', p)
        sent.client.flush()
        again = s.settled().dump()
        same_counters(s, sent, daemon, again)
        n += PARTITIONS
        assert same_letters(s, sent) == n


@case
def oversize(t):
    """A dead letter that its topic refuses for its size is cut, says so, and stops nobody."""
    s, noise = stage(t), random.Random(5)
    s.client().create_topic(t.prefix + '-dead-letter', PARTITIONS, max_message_bytes=1 << 20, retention_ms=14 * 86400 * 1000)
    daemon, client, big = s.daemon(), s.client(message_max_bytes=MAX_RECORD), noise.randbytes(1500000)
    client.send(s.topic('clicks'), big, b'someone', 0)
    client.flush()
    daemon.wait_log('are cut from now on', 30)
    s.settled()
    reader = s.client(consumer=True, enable_partition_eof='true', fetch_message_max_bytes=4 << 20)
    letters = reader.read(t.prefix + '-dead-letter', 0)
    assert len(letters) == 1, len(letters)
    headers = {name: value.decode() for name, value in letters[0].headers}
    assert headers['truncated'] == str(len(big)) and headers['offset'] == '0', headers
    assert 0 < len(letters[0].value) < 1 << 20 and big.startswith(letters[0].value)
    daemon.term()


main()
