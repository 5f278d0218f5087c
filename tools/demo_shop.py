"""A made-up fashion and jewellery shop: catalogue, shoppers and their events, for the demo and its test.

Everything follows from the seed, times excepted: they are given relative to the demo's start, history below 0, live traffic
from 0 on, and are moved by the caller. What the generator has planted (rules that hold in baskets, one product whose reviews
turn bad, the only one) is in the fields `rules` and `bad`. It counts what it wrote, so that a demo can compare (Truth). It talks
to nothing. Python's standard library only.
"""
import bisect
import collections
import random

import demo_reviews

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HISTORY_DAYS = 14
SHOPPERS = 1500
VISITS_A_DAY = .22
ATTRIBUTION_MS = 7 * DAY

# category: id prefix, what it is called, materials, nouns, cheapest and dearest in euros, how many
CATEGORIES = {
    'dresses': ('DR', 'dress', 'Silk Linen Velvet Cotton Chiffon Satin', ('wrap dress', 'slip dress', 'shirt dress', 'midi dress'), 49, 229, 13),
    'coats': ('CO', 'coat', 'Wool Camel Tweed Quilted Cashmere', ('coat', 'trench', 'car coat'), 119, 429, 9),
    'knitwear': ('KN', 'jumper', 'Merino Mohair Cotton Lambswool Alpaca', ('jumper', 'cardigan', 'rollneck'), 39, 169, 10),
    'shirts': ('SH', 'shirt', 'Poplin Silk Linen Denim', ('blouse', 'shirt', 'tunic'), 29, 129, 9),
    'skirts': ('SK', 'skirt', 'Pleated Denim Satin Leather', ('skirt', 'midi skirt'), 35, 149, 8),
    'shoes': ('SO', 'pair of shoes', 'Suede Leather Canvas Patent', ('loafers', 'ankle boots', 'ballerinas', 'trainers'), 59, 239, 12),
    'bags': ('BA', 'bag', 'Leather Woven Suede Canvas', ('tote', 'clutch', 'shoulder bag'), 45, 319, 10),
    'belts': ('BE', 'belt', 'Leather Suede Plaited Chain', ('belt', 'waist belt'), 19, 79, 8),
    'scarves': ('SC', 'scarf', 'Silk Cashmere Wool Linen', ('scarf', 'stole'), 19, 119, 8),
    'necklaces': ('NE', 'necklace', 'Pearl Opal Garnet Amber Jade', ('drop necklace', 'chain necklace'), 39, 389, 10),
    'earrings': ('EA', 'pair of earrings', 'Pearl Opal Garnet Amber Jade', ('drop earrings', 'stud earrings'), 25, 249, 10),
    'rings': ('RI', 'ring', 'Gold Silver Topaz Onyx', ('band ring', 'signet ring'), 35, 459, 8),
    'bracelets': ('BR', 'bracelet', 'Gold Silver Pearl Jade', ('bangle', 'charm bracelet'), 29, 289, 8),
}
BRANDS = ('Aldermere', 'Miravelle', 'Kestrow', 'Yunhe', 'Tavorra', 'Linden Row', 'Osterlee', 'Petrine')
COLOURS = ('black', 'ivory', 'navy', 'rust', 'sage', 'burgundy', 'sand', 'teal')
# a basket with an item of the first category holds, with this chance, the one item of the second that goes with it
PLANTED = (('necklaces', 'earrings', .75), ('dresses', 'belts', .55), ('coats', 'scarves', .5), ('rings', 'bracelets', .45))
# campaign: category, chance to be shown in a session, chance of a click
CAMPAIGNS = {'silk-week': ('dresses', .25, .06), 'golden-hour': ('necklaces', .15, .13)}
NEGATIVE = .06  # chance that an honest review is a bad one


class Shop:
    def __init__(self, seed, live_s=54, turn_s=14, rate=120):
        self.rng = random.Random(seed)
        self.live_ms, self.turn_ms, self.rate = live_s * 1000, turn_s * 1000, rate
        self.numbers = collections.Counter()
        self.grumbles = collections.defaultdict(list)  # times of bad reviews by item, category, brand
        self.events = {'clicks': [], 'purchases': [], 'reviews': []}
        self.make_catalogue(seed)
        self.make_shoppers()
        self.make_history()
        self.make_live()
        for events in self.events.values():
            events.sort(key=lambda e: (e['ts'], e['event_id']))

    # --- who and what ---

    def make_catalogue(self, seed):
        rng = self.rng
        self.items, self.by_category, self.popularity = {}, {}, {}
        for category, (prefix, _, materials, nouns, low, high, n) in CATEGORIES.items():
            names = ['%s %s' % (m, noun) for noun in nouns for m in materials.split()]
            if category not in ('necklaces', 'earrings'):  # those are sets: the same stones in the same order
                rng.shuffle(names)
            self.by_category[category] = ids = []
            for i in range(n):
                ids.append('%s-%02d' % (prefix, i + 1))
                self.items[ids[-1]] = {'item_id': ids[-1], 'title': names[i], 'category': category, 'brand': rng.choice(BRANDS),
                                       'price_minor': rng.randrange(low, high, 10) * 100 + 900, 'currency': 'EUR', 'available': True,
                                       'attributes': {'colour': rng.choice(COLOURS)}}
                self.popularity[ids[-1]] = 1 / (i + 2)
        self.rules = {}
        for a, b, chance in PLANTED:  # the second items are not in demand by themselves
            first, second = self.by_category[a][0], self.by_category[b][0]
            self.rules[first] = (second, chance)
            self.popularity[second] = .08
        quiet = [i for c in CATEGORIES for i in self.by_category[c][3:]]
        sold_out = rng.sample(quiet, 3)
        for item in sold_out:
            self.items[item]['available'] = False
        candidates = [i for i in quiet if i not in sold_out]
        self.bad = candidates[(seed * 37) % len(candidates)]  # the next seed's is another one
        self.tables = {c: (ids, running_sum([self.popularity[i] for i in ids])) for c, ids in self.by_category.items()}

    def make_shoppers(self):
        rng = self.rng
        self.shoppers = {}
        for n in range(SHOPPERS):
            tastes = rng.sample(list(CATEGORIES), 3)
            self.shoppers['shopper-%04d' % n] = {'id': 'shopper-%04d' % n, 'tastes': tastes, 'lang': 'zh' if rng.random() < .4 else 'en'}
        self.guest = self.shoppers['shopper-0007']  # the one whose list is shown; in live traffic it does what make_guest says
        self.guest['tastes'] = ['shirts', 'skirts', 'bags']
        self.others = [s for s in self.shoppers.values() if s is not self.guest]

    def pick(self, shopper):
        category = self.rng.choice(shopper['tastes']) if self.rng.random() < .8 else self.rng.choice(list(CATEGORIES))
        return self.pick_of(category)

    def pick_of(self, category):
        ids, sums = self.tables[category]
        return ids[min(bisect.bisect(sums, self.rng.random() * sums[-1]), len(ids) - 1)]

    # --- events ---

    def number(self, kind):
        self.numbers[kind] += 1
        return '%s%d' % (kind, self.numbers[kind])

    def click(self, ts, shopper, action, item, session, campaign=None):
        event = {'event_id': self.number('c'), 'ts': ts, 'user_id': shopper['id'], 'action': action, 'item_id': item, 'session_id': session}
        if campaign:
            event['campaign_id'] = campaign
        self.events['clicks'].append(event)

    def order(self, ts, shopper, items, session, campaign=None):
        rng = self.rng
        lines = [{'item_id': i, 'quantity': 1 + (rng.random() < .06), 'unit_price_minor': self.items[i]['price_minor']} for i in items]
        number = self.number('o')
        event = {'event_id': number, 'ts': ts, 'user_id': shopper['id'], 'order_id': 'order-' + number[1:], 'currency': 'EUR', 'lines': lines,
                 'session_id': session}
        if campaign:
            event['campaign_id'] = campaign
        if rng.random() < .1:
            event['discount_minor'] = 500
        self.events['purchases'].append(event)
        return event

    def refund(self, ts, order):
        line = self.rng.choice(order['lines'])
        self.events['purchases'].append({'event_id': self.number('o'), 'ts': ts, 'user_id': order['user_id'], 'order_id': order['order_id'],
                                         'currency': 'EUR', 'kind': 'REFUND', 'lines': [line]})

    def review(self, ts, shopper, item, mood=None):
        """mood: 'good', 'neutral', 'bad'; None: an honest one"""
        known = self.items[item]
        if mood is None:
            mood = self.rng.choices(('bad', 'neutral', 'good'), (NEGATIVE, .14, .8))[0]
            # nothing else turns bad: of a product, a category, a brand two bad reviews within a good day, of the shop four (live: twelve)
            scopes = {item: 2, known['category']: 2, known['brand']: 2, '': 4 if ts < 0 else 12}
            if mood == 'bad' and (item == self.bad or any(sum(abs(ts - t) < 26 * HOUR for t in self.grumbles[s]) >= most for s, most in scopes.items())):
                mood = 'good'
            if mood == 'bad':
                for s in scopes:
                    self.grumbles[s].append(ts)
        text, title, rating = demo_reviews.compose(self.rng, shopper['lang'], mood, known['category'], CATEGORIES[known['category']][1])
        self.events['reviews'].append({'event_id': self.number('r'), 'ts': ts, 'user_id': shopper['id'], 'item_id': item, 'rating': rating,
                                       'title': title, 'text': text, 'lang': shopper['lang'], 'source': 'shop'})

    def session(self, ts, shopper, pause, visits, eager):
        """one visit; `pause` draws the ms between two clicks. Returns (time of its end, the order or None)"""
        rng, session, touched = self.rng, self.number('s'), None
        cart, before = [], None
        for campaign, (category, shown, clicked) in CAMPAIGNS.items():
            if rng.random() < shown:
                self.click(ts, shopper, 'IMPRESSION', None, session, campaign)
                ts += pause()
                if rng.random() < clicked:
                    touched = campaign
                    for _ in range(rng.randrange(2, 5)):
                        item = self.pick_of(category)
                        self.click(ts, shopper, 'CLICK', item, session, campaign)
                        ts += pause()
                    self.click(ts, shopper, 'VIEW', item, session)
                    before = item
                    if rng.random() < .5:
                        cart.append(item)
        for _ in range(visits):
            known = self.rules.get(before)
            item = known[0] if known and rng.random() < .35 else self.pick(shopper)
            if item != before:
                self.click(ts, shopper, 'VIEW', item, session)
                ts += pause()
            before = item
            if item not in cart and rng.random() < .16 * eager and self.items[item]['available']:
                cart.append(item)
                self.click(ts, shopper, 'ADD_TO_CART', item, session)
                ts += pause()
        if not cart or rng.random() > .75:
            return ts, None
        for first in list(cart):
            second, chance = self.rules.get(first, (None, 0))
            if second and second not in cart and rng.random() < chance:
                cart.append(second)
        return ts, self.order(ts + 2 * pause(), shopper, cart, session, touched if rng.random() < .3 else None)

    def make_history(self):
        rng = self.rng
        start = -HISTORY_DAYS * DAY
        for shopper in self.shoppers.values():
            for day in range(HISTORY_DAYS):
                if rng.random() > VISITS_A_DAY:
                    continue
                ts = start + day * DAY + rng.randrange(DAY - 2 * HOUR)
                end, order = self.session(ts, shopper, lambda: rng.randrange(5_000, 70_000), rng.randrange(2, 9), 1)
                if not order:
                    continue
                if rng.random() < .06 and end + 2 * DAY < -HOUR:
                    self.refund(order['ts'] + rng.randrange(HOUR, DAY), order)
                if rng.random() < .4 and end + 3 * DAY < -HOUR:
                    item = rng.choice(order['lines'])['item_id']
                    self.review(order['ts'] + rng.randrange(DAY, 3 * DAY), shopper, item)
        # the product that will turn bad is well liked until then
        fans = rng.sample(self.others, 40)
        self.fans = {f['id'] for f in fans}
        for n, shopper in enumerate(fans):
            ts = start + int((n + rng.random()) * (-start - HOUR) / len(fans))
            self.review(ts, shopper, self.bad, 'neutral' if n % 8 == 3 else 'good')

    def make_live(self):
        rng = self.rng
        wanted = self.rate * self.live_ms // 1000
        begun = len(self.events['clicks'])
        self.make_guest()
        while len(self.events['clicks']) - begun < wanted:
            shopper = rng.choice(self.others)
            ts = rng.randrange(-3_000, self.live_ms)
            ts, order = self.session(ts, shopper, lambda: rng.randrange(300, 2_500), rng.randrange(3, 10), 1.2)
            if order and rng.random() < .06:
                self.refund(order['ts'] + 3_000, order)
            if order and rng.random() < .7:
                item = rng.choice(order['lines'])['item_id']
                if item != self.bad:
                    self.review(order['ts'] + 1_500, shopper, item)
        for events in self.events.values():  # what a visit has behind the end, or before the beginning, did not happen
            events[:] = [e for e in events if e['ts'] < self.live_ms and not -HOUR < e['ts'] < 0]
        # half way: a batch with a fault
        angry = rng.sample([s for s in self.others if s['id'] not in self.fans], 26)
        gap = max(300, min(1_300, (self.live_ms - self.turn_ms) // len(angry)))
        for n, shopper in enumerate(angry):
            ts = self.turn_ms + n * gap
            if ts < self.live_ms:
                self.review(ts, shopper, self.bad, 'neutral' if n % 7 == 5 else 'bad')

    def make_guest(self):
        """one shopper's way through the live part: looks at a coat, then a necklace, and buys it"""
        ids, session = self.by_category, self.number('s')
        for share, action, item in ((.05, 'VIEW', ids['coats'][0]), (.3, 'VIEW', ids['necklaces'][0]), (.36, 'ADD_TO_CART', ids['necklaces'][0])):
            self.click(int(share * self.live_ms), self.guest, action, item, session)
        self.order(int(.42 * self.live_ms), self.guest, [ids['necklaces'][0]], session)
        self.click(int(.8 * self.live_ms), self.guest, 'VIEW', ids['rings'][0], session)

    def part(self, topic, live):
        return [e for e in self.events[topic] if (e['ts'] >= 0) == live]


def running_sum(weights):
    sums, total = [], 0
    for w in weights:
        total += w
        sums.append(total)
    return sums


class Truth:
    """what an independent count of the events gives; the events carry the times that were sent"""

    def __init__(self, clicks, purchases):
        self.seen = collections.defaultdict(set)  # items a shopper viewed, clicked, put in the basket or bought
        self.bought = collections.defaultdict(set)
        self.baskets, self.holding, self.pairs = 0, collections.Counter(), collections.Counter()
        self.campaigns = collections.defaultdict(collections.Counter)
        touches, orders = collections.defaultdict(list), {}
        for e in clicks:
            user, campaign = e['user_id'], e.get('campaign_id')
            if e.get('item_id'):
                self.seen[user].add(e['item_id'])
            if campaign:
                self.campaigns[campaign][{'IMPRESSION': 'impressions', 'CLICK': 'clicks', 'ADD_TO_CART': 'carts'}.get(e['action'], 'other')] += 1
            if campaign and e['action'] in ('CLICK', 'VIEW'):
                touches[user].append((e['ts'], campaign))
        for e in purchases:
            gross = sum(line['quantity'] * line['unit_price_minor'] for line in e['lines'])
            if e.get('kind') == 'REFUND':
                order = orders.get(e['order_id'])
                if order:
                    self.refund(order, gross)
                continue
            items = list(dict.fromkeys(line['item_id'] for line in e['lines']))
            self.bought[e['user_id']].update(items)
            self.seen[e['user_id']].update(items)
            items = items[:64]
            self.baskets += bool(items)
            self.holding.update(items)
            self.pairs.update((min(a, b), max(a, b)) for n, a in enumerate(items) for b in items[:n])
            last = max((t for t in touches[e['user_id']] if t[0] <= e['ts']), default=(0, None))
            order = {'gross': gross, 'discount': min(e.get('discount_minor') or 0, gross), 'refunded': 0,
                     'direct': e.get('campaign_id'), 'attributed': last[1] if e['ts'] - last[0] <= ATTRIBUTION_MS else None}
            orders[e['order_id']] = order
            self.book(order, 1, gross - order['discount'])

    def busy_shopper(self):
        """somebody with a history worth a look: of the buyers of the most distinct items, else of the viewers"""
        busy = self.bought or self.seen
        return max(sorted(busy), key=lambda user: (len(busy[user]) <= 200, len(busy[user])), default=None)

    def book(self, order, n, amount):
        for campaign, prefix in ((order['direct'], ''), (order['attributed'], 'attributed_')):
            if campaign:
                self.campaigns[campaign][prefix + 'orders'] += n
                self.campaigns[campaign][prefix + 'revenue:EUR'] += amount

    def refund(self, order, returned):
        before = order['refunded']
        order['refunded'] += min(returned, order['gross'] - before)
        share = lambda x: order['discount'] * x // order['gross'] if order['gross'] else 0
        self.book(order, 0, -(order['refunded'] - before - (share(order['refunded']) - share(before))))
