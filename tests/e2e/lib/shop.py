"""A seeded small shop as event files: shoppers with tastes, baskets, campaigns, refunds, reviews; on wish with repeats, late and
disordered records. It makes events only; what must be counted of them says tests/oracle/counts.py.
"""
import random

START = 1_700_000_000_000  # ms, a day in 2023
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WORDS = ('great', 'love it', 'perfect', 'nice', 'okay', 'bad', 'terrible', 'broke after a week', 'awful', 'works')


class Shop:
    def __init__(self, seed=1, users=300, items=60, days=5, events=6000):
        self.r = random.Random(seed)
        self.users, self.n_items, self.span, self.events = users, items, days * DAY, events
        self.seed, self.ids = seed, 0

    def event_id(self):
        self.ids += 1
        return 'e%d-%d' % (self.seed, self.ids)

    def item(self, taste):
        return 'item-%03d' % ((taste * 7 + int(self.r.expovariate(0.12))) % self.n_items)

    def items(self):
        """the catalogue; every tenth item is sold out"""
        return [{'item_id': 'item-%03d' % i, 'title': 'Item %d' % i, 'category': 'cat-%d' % (i % 5), 'price_minor': 500 + 10 * i,
                 'currency': 'EUR', 'available': i % 10 != 9, 'brand': 'brand-%d' % (i % 7)} for i in range(self.n_items)]

    def traffic(self):
        """(clicks, purchases, reviews), each in the order in which it is sent: by ts"""
        r, clicks, purchases, reviews = self.r, [], [], []
        n, step = 0, self.span / self.events
        while n < self.events:
            taste = r.randrange(8)
            user = 'u%05d' % (r.randrange(self.users) // 8 * 8 + taste)
            ts, sid = START + int(n * step), 's%d' % n if r.random() < 0.3 else None
            campaign = 'camp-%d' % r.randrange(3) if r.random() < 0.2 else None
            seen = []
            for _ in range(r.randrange(1, 9)):
                action = r.choice(('VIEW', 'VIEW', 'VIEW', 'CLICK', 'ADD_TO_CART', 'IMPRESSION', 'WISHLIST'))
                e = {'event_id': self.event_id(), 'ts': ts, 'user_id': user, 'action': action, 'item_id': self.item(taste)}
                e.update({k: v for k, v in (('session_id', sid), ('campaign_id', campaign)) if v})
                clicks.append(e)
                seen.append(e['item_id'])
                ts += r.randrange(1, 3 * MINUTE)
                n += 1
            if r.random() < 0.5:
                lines = [{'item_id': r.choice(seen) if r.random() < 0.6 else self.item(taste), 'quantity': r.randrange(1, 4),
                          'unit_price_minor': 500 + 10 * r.randrange(50)} for _ in range(r.randrange(1, 7))]
                o = {'event_id': self.event_id(), 'ts': ts, 'user_id': user, 'order_id': 'o%d' % n, 'currency': r.choice(('EUR', 'EUR', 'USD')),
                     'lines': lines}
                if r.random() < 0.3:
                    o['discount_minor'] = r.randrange(0, 300)
                if r.random() < 0.2:
                    o['campaign_id'] = 'camp-%d' % r.randrange(3)
                purchases.append(o)
                if r.random() < 0.15:
                    purchases.append({'event_id': self.event_id(), 'ts': ts + r.randrange(HOUR, DAY), 'user_id': user, 'order_id': o['order_id'],
                                      'currency': o['currency'], 'kind': 'REFUND', 'lines': lines[:r.randrange(1, len(lines) + 1)]})
                n += 1
            if r.random() < 0.3:
                stars = r.randrange(1, 11) / 2
                reviews.append({'event_id': self.event_id(), 'ts': ts + r.randrange(HOUR), 'user_id': user, 'item_id': r.choice(seen),
                                'rating': stars, 'text': r.choice(WORDS[:5] if stars > 2.5 else WORDS[4:]) if r.random() < 0.7 else ''})
                n += 1
        return tuple(sorted(x, key=lambda e: e['ts']) for x in (clicks, purchases, reviews))

    def spoil(self, events, topic):
        """the same with repeats, late and disordered records among them; no touch or order is moved, so that what is
        attributed does not depend on the order between topics"""
        r, out, sent = self.r, [], []
        for k, e in enumerate(events):
            out.append(e)
            sent.append(e)
            chance = r.random()
            if chance < 0.03:
                out.append(dict(r.choice(sent[-50:])))  # a repeat
            elif chance < 0.04 and k > len(events) // 2:  # a stranger, a day and more behind
                late = dict(e, event_id=self.event_id(), ts=e['ts'] - DAY - r.randrange(2 * MINUTE, HOUR))
                late.update({'order_id': 'late%d' % k} if topic == 'purchases' else {})
                out.append(late)
            elif chance < 0.06 and topic == 'reviews':
                out.append(dict(e, event_id=self.event_id(), ts=e['ts'] - r.randrange(1, HOUR)))
            elif chance < 0.08 and topic == 'clicks':
                stray = {k: v for k, v in e.items() if k not in ('campaign_id', 'session_id')}
                out.append(dict(stray, event_id=self.event_id(), ts=e['ts'] - r.randrange(1, 2 * HOUR)))  # disordered, in time
        return out
