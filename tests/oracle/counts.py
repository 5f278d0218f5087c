#!/usr/bin/env python3
"""An independent count of event files: what glintd must have counted when it has read them all.

  counts.py [options] --out FILE EVENTS.jsonl[.gz]...

It reads the files, not Kafka, and shares no code with glintd: it is written from the documents (what is counted, time, state)
alone. It writes JSON lines as `glintctl dump` does, of the kinds item, pair, set, baskets, campaign and counter, and prints one
JSON line with totals and the final watermark. compare.py holds a dump against it.

How it reads: the kind of a file follows from its first line's fields; files of one kind are merged by ts (heads compared, ties
in the order of the command line), as `glintctl replay` does (--in-order: sent by a replay each); a record goes to partition murmur2(user_id) & 0x7fffffff modulo
--partitions; within a partition the three logs are merged by ts (ties: clicks, purchases, reviews).

Choices where the documents leave one:
- a record ahead of stream time by more than max_jump moves it when the next three of its partition are ahead by as much too;
  a record that is not ahead so far ends the candidates
- sessions are made of VIEW, CLICK and ADD_TO_CART; one without an item extends its session and adds no item
- "buys" counts orders that hold the item; an item's revenue is quantity x unit price, less what REFUND lines name (lines of
  quantity 0 are neither; an order's items beyond --order-max-items are revenue only)
- a campaign's revenue is an order's lines less its discount; a refund goes to the campaigns of the order that it names, at most
  what is left of it, and takes the discount back in proportion; one whose order is unknown goes to the campaign that it names.
  A last touch is the one with the greatest ts that is not after the order, the later arrival among equals
- a shopper's second rating of an item replaces the first, a review with neither stars nor text withdraws it (of the last 20 ratings),
  unless its ts is below the first's;
  a bias is a Kalman filter's over all that remain, by ts, with their mean as mu
"""
import argparse
import collections
import gzip
import heapq
import itertools
import json
import math
import re
import sys
import time

TOPICS = ('clicks', 'purchases', 'reviews')
SESSION_ACTIONS = {'VIEW', 'CLICK', 'ADD_TO_CART'}
RECENT = 10  # a new item of a session pairs with that many before it
CONTROL = re.compile('[\x00-\x1f\x7f-\x9f]')


def murmur2(data):
    """MurmurHash2 (32 bit, Austin Appleby) with the seed of Kafka's default partitioner"""
    m, n = 0x5bd1e995, len(data)
    h = (0x9747b28c ^ n) & 0xffffffff
    i = 0
    while n - i >= 4:
        k = int.from_bytes(data[i:i + 4], 'little') * m & 0xffffffff
        k = (k ^ k >> 24) * m & 0xffffffff
        h = (h * m & 0xffffffff) ^ k
        i += 4
    if n - i:
        h = (h ^ int.from_bytes(data[i:], 'little')) * m & 0xffffffff
    h = (h ^ h >> 13) * m & 0xffffffff
    return h ^ h >> 15


def partition_of(key, partitions):
    return (murmur2(key.encode()) & 0x7fffffff) % partitions


def duration_ms(text):
    """'200ms', '30s', '5min', '12h', '30d' or '0'"""
    match = re.fullmatch(r'(\d+)(ms|s|min|h|d)?', text)
    if not match or (not match.group(2) and text != '0'):
        raise argparse.ArgumentTypeError('not a duration: %r' % text)
    return int(match.group(1)) * {'ms': 1, 's': 1000, 'min': 60000, 'h': 3600000, 'd': 86400000, None: 0}[match.group(2)]


def kind_of(event):
    """the topic of an event line, None for a catalogue line"""
    if 'lines' in event:
        return 'purchases'
    if 'action' in event:
        return 'clicks'
    if 'rating' in event or 'text' in event:
        return 'reviews'
    return None


def read_file(path):
    with (gzip.open if path.endswith('.gz') else open)(path, 'rt', encoding='utf-8') as f:
        for line in f:
            if line.strip():
                yield json.loads(line)


def first_kind(path):
    return next((kind_of(e) for e in read_file(path)), None)


class StreamTime:
    """greatest ts of one input partition; a wild one does not move it alone"""

    def __init__(self, max_jump):
        self.at, self.max_jump, self.ahead = None, max_jump, []

    def move(self, ts):
        if self.at is None:
            self.at = ts
        elif ts > self.at + self.max_jump:
            self.ahead.append(ts)
            if len(self.ahead) == 4:
                self.at, self.ahead = min(self.ahead), []
        else:
            self.at, self.ahead = max(self.at, ts), []

    def late(self, ts, allowed):
        return self.at is not None and ts < self.at - allowed


class Ring:
    """event ids of one shopper and topic; with a bound the least ts leaves first and leaves its ts as the floor"""

    def __init__(self, bound):
        self.ids, self.heap, self.bound, self.floor, self.seen = set(), [], bound, None, 0

    def add(self, ts, event_id):
        """'applied', 'duplicate' or 'late'"""
        if event_id in self.ids:
            return 'duplicate'
        if self.floor is not None and ts <= self.floor:
            return 'late'
        self.ids.add(event_id)
        if self.bound:
            self.seen += 1
            heapq.heappush(self.heap, (ts, self.seen, event_id))
            if len(self.heap) > self.bound:
                ts, _, gone = heapq.heappop(self.heap)
                self.ids.discard(gone)
                self.floor = ts if self.floor is None else max(self.floor, ts)
        return 'applied'


def refused(event, topic, options):
    """True for a record that the decoder must hand to the dead letters"""
    ts = event.get('ts')
    if not isinstance(ts, int) or ts <= 0 or ts > options.now + options.max_skew:
        return True
    needed = ['event_id', 'user_id'] + (['order_id'] if topic == 'purchases' else [])
    optional = ['item_id', 'session_id', 'campaign_id', 'brand']
    ids = [event.get(f) for f in needed] + [line.get('item_id') for line in event.get('lines') or []]
    if not all(isinstance(i, str) and i for i in ids):
        return True
    if any(CONTROL.search(i) for i in ids + [event.get(f) or '' for f in optional]):
        return True
    if topic == 'reviews':
        if not any(event.get(f) for f in ('item_id', 'brand', 'campaign_id')):
            return True
        rating = event.get('rating')
        if rating is not None and not options.rating_min <= rating <= options.rating_max:
            return True
    return False


class Judge:
    """gives every record its one counter, and keeps the stream times"""

    def __init__(self, options):
        self.options = options
        self.counter = collections.Counter()
        self.stream = {}
        self.rings = {}

    def judge(self, event, topic, partition):
        verdict = self.verdict(event, topic, partition)
        self.counter[topic, partition, verdict] += 1
        return verdict == 'applied'

    def verdict(self, event, topic, partition):
        if refused(event, topic, self.options):
            return 'dead_lettered'
        stream = self.stream.setdefault((topic, partition), StreamTime(self.options.max_jump))
        late = stream.late(event['ts'], self.options.allowed_lateness)
        stream.move(event['ts'])
        if late:
            return 'late'
        ring = self.rings.setdefault((topic, event['user_id']), Ring(self.options.ring))
        return ring.add(event['ts'], event['event_id'])

    def watermark(self):
        """when everything is read: the greatest stream time of all, less settle"""
        times = [s.at for s in self.stream.values() if s.at is not None]
        return max(times) - self.options.settle if times else None


class Baskets:
    """pair counts of one sort of baskets, by pane. A pair is one number, (lesser << 24 | greater), of item numbers"""

    def __init__(self, pane):
        self.pane = pane
        self.pairs = collections.defaultdict(collections.Counter)
        self.items = collections.defaultdict(collections.Counter)
        self.n = collections.Counter()
        self.whole = collections.defaultdict(list)  # of each pane: the baskets themselves, for sets of three and more

    def at(self, ts):
        return ts // self.pane if self.pane else 0

    def chosen(self, panes, watermark):
        """the last `panes` panes up to the watermark's; 0 = all"""
        last = None if watermark is None else self.at(watermark)
        return [p for p in self.n if not panes or (last is not None and last - panes < p <= last)]

    def sets(self, panes, watermark, size):
        """baskets of those panes that hold each set of 3 to `size` items"""
        counts = collections.Counter()
        for pane in self.chosen(panes, watermark):
            for basket in self.whole[pane]:
                for n in range(3, size + 1):
                    counts.update(itertools.combinations(basket, n))
        return counts

    def window(self, panes, watermark):
        """(pairs, items, n) over those panes"""
        chosen = self.chosen(panes, watermark)
        if len(chosen) == 1:
            return self.pairs[chosen[0]], self.items[chosen[0]], self.n[chosen[0]]
        pairs, items = collections.Counter(), collections.Counter()
        for p in chosen:
            pairs.update(self.pairs[p])
            items.update(self.items[p])
        return pairs, items, sum(self.n[p] for p in chosen)


class Session:
    __slots__ = ('start', 'last', 'sid', 'items', 'known')

    def __init__(self, ts, sid):
        self.start = self.last = ts
        self.sid, self.items, self.known = sid, collections.deque(maxlen=RECENT), set()


class Order:
    """what an order's refunds need of it"""
    __slots__ = ('direct', 'attributed', 'currency', 'gross', 'discount', 'refunded')

    def __init__(self, direct, attributed, currency, gross, discount):
        self.direct, self.attributed, self.currency = direct, attributed, currency
        self.gross, self.discount, self.refunded = gross, discount, 0


class Counts:
    """the models' counts, from applied events in order"""

    def __init__(self, options):
        self.o = options
        pane = options.pane if options.window else 0
        self.baskets = {'order': Baskets(pane), 'session': Baskets(pane)}
        self.dropped = 0
        self.number, self.name = {}, []
        self.sessions = {}
        self.item = collections.defaultdict(collections.Counter)
        self.ratings = []
        self.kept = collections.defaultdict(list)  # of a shopper: (item, rating, number in ratings, ts), what can still be undone
        self.campaign = collections.defaultdict(collections.Counter)
        self.touches = collections.defaultdict(list)
        self.placed = {}

    def number_of(self, item):
        n = self.number.get(item)
        if n is None:
            n = self.number[item] = len(self.name)
            self.name.append(item)
        return n

    def apply(self, event, topic):
        getattr(self, topic)(event)

    def clicks(self, e):
        action, item, campaign = e['action'], e.get('item_id') or None, e.get('campaign_id') or None
        counted = {'VIEW': 'views', 'CLICK': 'clicks', 'ADD_TO_CART': 'carts'}.get(action)
        if item and counted:
            self.item[item][counted] += 1
        if campaign:
            field = {'IMPRESSION': 'impressions', 'CLICK': 'clicks', 'ADD_TO_CART': 'carts'}.get(action)
            figures = self.campaign[campaign]
            if field:
                figures[field] += 1
            if action in ('CLICK', 'VIEW'):
                self.touches[e['user_id']].append((e['ts'], campaign))
        if action in SESSION_ACTIONS:
            self.session(e['user_id'], e['ts'], e.get('session_id') or None, item)

    def session(self, user, ts, sid, item):
        s = self.sessions.get(user)
        if s is None or abs(ts - s.last) > self.o.session_gap or (sid and s.sid and sid != s.sid):
            s = self.sessions[user] = Session(ts, sid)
        s.last = max(s.last, ts)
        s.sid = sid or s.sid
        if item is None or item in s.known:
            return
        counts = self.baskets['session']
        pane = counts.at(s.start)
        a = self.number_of(item)
        if not s.known:
            counts.n[pane] += 1
        counts.items[pane][a] += 1
        pairs = counts.pairs[pane]
        for b in s.items:
            pairs[min(a, b) << 24 | max(a, b)] += 1
        s.items.append(a)
        s.known.add(item)

    def purchases(self, e):
        refund = e.get('kind') == 'REFUND'
        gross, bought = 0, {}
        for line in e['lines']:
            if not line['quantity']:
                continue
            money = line['quantity'] * line['unit_price_minor']
            gross += money
            item = self.item[line['item_id']]
            item['revenue:' + e['currency']] += -money if refund else money
            bought[line['item_id']] = True
        if refund:
            return self.refund(e, gross)
        for item in list(bought)[:self.o.order_max_items]:
            self.item[item]['buys'] += 1
        discount = min(max(e.get('discount_minor') or 0, 0), max(gross, 0))
        order = Order(e.get('campaign_id') or None, self.last_touch(e['user_id'], e['ts']), e['currency'], gross, discount)
        self.placed[e['user_id'], e['order_id']] = order
        self.book(order, 1, gross - discount)
        self.order(e)

    def book(self, order, orders, money):
        for campaign, sort in ((order.direct, ''), (order.attributed, 'attributed_')):
            if campaign:
                self.campaign[campaign][sort + 'orders'] += orders
                self.campaign[campaign]['%srevenue:%s' % (sort, order.currency)] += money

    def refund(self, e, returned):
        order = self.placed.get((e['user_id'], e['order_id']))
        if order is None:
            net = max(0, returned - max(0, e.get('discount_minor') or 0))
            self.book(Order(e.get('campaign_id') or None, None, e['currency'], 0, 0), 0, -net)
        elif order.currency == e['currency']:
            gross = max(order.gross, 0)
            before, order.refunded = order.refunded, min(gross, order.refunded + max(0, returned))
            share = [order.discount * part // gross if gross else 0 for part in (before, order.refunded)]
            self.book(order, 0, -(order.refunded - before - (share[1] - share[0])))

    def last_touch(self, user, ts):
        best = None
        for at, campaign in self.touches.get(user, ()):
            if at <= ts and ts - at <= self.o.attribution_window and (best is None or at >= best[0]):
                best = (at, campaign)
        return best and best[1]

    def order(self, e):
        distinct = list(dict.fromkeys(line['item_id'] for line in e['lines']))
        self.dropped += max(0, len(distinct) - self.o.basket_max_items)
        items = sorted(self.number_of(i) for i in distinct[:self.o.basket_max_items])
        if not items:
            return
        counts = self.baskets['order']
        pane = counts.at(e['ts'])
        counts.n[pane] += 1
        counts.items[pane].update(items)
        counts.pairs[pane].update([a << 24 | b for i, a in enumerate(items) for b in items[i + 1:]])
        if self.o.set_size > 2:
            counts.whole[pane].append(items)

    def reviews(self, e):
        item, rating = e.get('item_id') or None, e.get('rating')
        if not item or (rating is None and (e.get('text') or e.get('title'))):
            return
        kept = self.kept[e['user_id']]
        before = [r for r in kept if r[0] == item]
        if before and e['ts'] < before[0][3]:  # outdated
            return
        if before:  # changed or withdrawn
            kept.remove(before[0])
            self.count_rating(item, -1, before[0][1])
            self.ratings[before[0][2]] = None
        if rating is not None:
            self.count_rating(item, 1, rating)
            kept.append((item, rating, len(self.ratings), e['ts']))
            del kept[:-20]
            self.ratings.append((item, e['user_id'], rating, e['ts']))

    def count_rating(self, item, sign, rating):
        self.item[item]['rating_n'] += sign
        self.item[item]['rating_milli'] += sign * int(rating * 1000 + 0.5)

    def biases(self):
        """of the items: a Kalman filter with the final mean as mu, its slopes left at 1 (the tolerance is for what that leaves out, too)"""
        ratings = [r for r in self.ratings if r]
        items, users = {}, {}
        mu = sum(r[2] for r in ratings) / max(1, len(ratings))
        for item, user, r, ts in ratings:
            b, p = items.get(item, (0.0, 0.25))
            lasting, p_lasting, sitting, p_sitting, last = users.get(user, (0.0, 0.1495, 0.0, 0.1, ts))
            q = 0.95 * math.exp(-max(0, ts - last) / 1.8e6)
            p_lasting, sitting, p_sitting = p_lasting + 0.0005, q * sitting, q * q * p_sitting + (1 - q * q) * 0.1
            error, total = r - mu - lasting - sitting - b, p + p_lasting + p_sitting + 1
            items[item] = (b + p * error / total, p - p * p / total)
            users[user] = (lasting + p_lasting * error / total, p_lasting - p_lasting ** 2 / total,
                           sitting + p_sitting * error / total, p_sitting - p_sitting ** 2 / total, max(ts, last))
        return {item: b for item, (b, _) in items.items()}

    # --- what the dump says ---

    def panes(self):
        return self.o.window // self.o.pane if self.o.window else 0

    def windows(self, watermark):
        """{sort of basket: (pairs, items, n)} at that watermark"""
        return {sort: counts.window(self.panes(), watermark) for sort, counts in self.baskets.items()}

    def sets(self, watermark):
        """(items, count) of the sets of orders that are told"""
        if self.o.set_size > 2:
            for numbers, n in sorted(self.baskets['order'].sets(self.panes(), watermark, self.o.set_size).items()):
                if n >= self.o.set_min_count:
                    yield sorted((self.name[i] for i in numbers), key=str.encode), n

    def pairs(self, window):
        """(a, b, count) with a < b by their ids' bytes, sorted; a and b as JSON strings, for speed"""
        order = sorted(range(len(self.name)), key=lambda n: self.name[n].encode())
        rank = {n: r for r, n in enumerate(order)}
        keys = []
        for key in window[0]:
            a, b = rank[key >> 24], rank[key & 0xffffff]
            keys.append((min(a, b) << 48 | max(a, b) << 24 | window[0][key]) if window[0][key] < 1 << 24 else None)
        assert None not in keys, 'a pair was counted over 16 million times'
        keys.sort()
        names = [json.dumps(self.name[n], ensure_ascii=False) for n in order]
        for key in keys:
            yield names[key >> 48], names[key >> 24 & 0xffffff], key & 0xffffff

    def items(self, windows):
        biases = self.biases()
        for item in sorted(set(self.item) | set(self.number), key=str.encode):
            figures = dict(self.item.get(item) or {})
            figures['rating_sum'] = figures.pop('rating_milli', 0) / 1000
            for field in ('rating_n', 'views', 'clicks', 'carts', 'buys'):
                figures.setdefault(field, 0)
            if item in biases:
                figures['bias'] = round(biases[item], 9)
            for sort, (_, in_items, _) in windows.items():
                figures['n_' + sort] = in_items.get(self.number.get(item), 0)
            yield dict({'item': item}, **figures)

    def campaigns(self):
        for campaign in sorted(self.campaign, key=str.encode):
            yield dict({'campaign': campaign}, **self.campaign[campaign])


def events_of(paths, in_order=False):
    """per topic, its files' events merged by ts, or one file after the other"""
    files = {t: [] for t in TOPICS}
    for path in paths:
        topic = first_kind(path)
        if topic:
            files[topic].append(path)
    if in_order:
        return {t: itertools.chain.from_iterable(map(read_file, files[t])) for t in TOPICS if files[t]}
    by_ts = lambda e: e['ts']  # noqa: E731
    return {t: heapq.merge(*(read_file(p) for p in files[t]), key=by_ts) for t in TOPICS if files[t]}


def count(paths, options, of=Counts):
    """reads all; returns (Judge, Counts)"""
    judge, counts = Judge(options), of(options)
    partitions = {}

    def tagged(topic, events, rank):
        for e in events:
            yield e['ts'], rank, topic, e
    streams = [tagged(t, events, i) for i, (t, events) in enumerate(events_of(paths, options.in_order).items())]
    for _, _, topic, e in heapq.merge(*streams, key=lambda x: x[:2]):
        user = str(e.get('user_id') or '')
        p = partitions.get(user)
        if p is None:
            p = partitions[user] = partition_of(user, options.partitions)
        if judge.judge(e, topic, p):
            counts.apply(e, topic)
    return judge, counts


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('files', nargs='*', metavar='EVENTS')
    p.add_argument('--out', default='/dev/stdout')
    p.add_argument('--partitions', type=int, default=4)
    for name, default in (('window', '30d'), ('pane', '1d'), ('session-gap', '30min'), ('allowed-lateness', '24h'), ('settle', '10s'),
                          ('max-jump', '1d'), ('max-skew', '5min'), ('attribution-window', '7d')):
        p.add_argument('--' + name, type=duration_ms, default=default, help='default ' + default)
    p.add_argument('--in-order', action='store_true', help='files of one kind were sent one after the other, as they stand, not merged by ts')
    p.add_argument('--basket-max-items', type=int, default=64)
    p.add_argument('--set-size', type=int, default=2, help='items of the greatest sets of orders; 2: pairs alone')
    p.add_argument('--set-min-count', type=int, default=5, help='orders that a set must be in to be told')
    p.add_argument('--order-max-items', type=int, default=256, help='distinct items of one order that count as bought')
    p.add_argument('--ring', type=int, default=0, help='event ids kept per shopper and topic; 0 = all')
    p.add_argument('--rating-min', type=float, default=0.5)
    p.add_argument('--rating-max', type=float, default=5.0)
    p.add_argument('--now', type=int, default=int(time.time() * 1000), help='the clock, ms; default: this machine\'s')
    p.add_argument('--watermark', type=int, help='ms; default: as the events leave it')
    return p


def lines(judge, counts, watermark):
    """(kind, members as JSON) of the whole dump, sorted by (kind, key)"""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(',', ':')).encode

    def members(obj):
        return encode(obj)[1:-1]
    windows = counts.windows(watermark)
    for sort in sorted(windows):
        yield 'baskets', members({'basket': sort, 'n': windows[sort][2]})
    for campaign in counts.campaigns():
        yield 'campaign', members(campaign)
    for (topic, partition, name), n in sorted(judge.counter.items()):
        yield 'counter', members({'topic': topic, 'partition': partition, 'name': name, 'n': n})
    for item in counts.items(windows):
        yield 'item', members(item)
    for sort in sorted(windows):
        for a, b, n in counts.pairs(windows[sort]):
            yield 'pair', '"basket":"%s","a":%s,"b":%s,"count":%d' % (sort, a, b, n)
    for items, n in counts.sets(watermark):
        yield 'set', members({'items': items, 'count': n})


def main():
    options = parser().parse_args()
    judge, counts = count(options.files, options)
    judge.rings.clear()
    counts.sessions.clear()
    watermark = options.watermark if options.watermark is not None else judge.watermark()
    kinds, verdicts = collections.Counter(), collections.Counter()
    with open(options.out, 'w', encoding='utf-8') as out:
        for kind, members in lines(judge, counts, watermark):
            kinds[kind] += 1
            out.write('{"kind":"%s",%s}\n' % (kind, members))
    for (_, _, name), n in judge.counter.items():
        verdicts[name] += n
    print(json.dumps({'records': sum(verdicts.values()), 'counters': verdicts, 'watermark': watermark, 'lines': kinds,
                      'basket_items_dropped': counts.dropped}), file=sys.stdout if options.out != '/dev/stdout' else sys.stderr)


if __name__ == '__main__':
    main()
