#!/usr/bin/env python3
"""An independent count of what Redis must show when all is read, of what is exact: figures of campaigns, items and shoppers.

  views.py [options of counts.py] --watermark MS --out FILE EVENTS.jsonl[.gz]...

Written from the documents (CONTRACTS "What is counted", "Redis"), without code of glintd's; which records count, and an order's campaign, are counts.py's to
say. It writes JSON lines {"kind":"view","key":"campaign:ID","fields":{...}}, the key without its prefix, a field null where Redis must have none, and
{"kind":"scores","key":"campaigns","scores":{...}}.

- a campaign: for ever, and with today_ on the day (UTC) of the watermark, an event on the day of its own ts: a refund, too. ctr = clicks / impressions, cvr =
  attributed orders / clicks, aov = revenue / orders by currency, to the minor unit. Last active with the last click, order or refund that is counted for it
- a shopper: orders; revenue is their lines less discount, less the lines of refunds; who never ordered shows neither
- an item: views, clicks, carts, buys, revenue
"""
import collections
import fractions
import json
import sys

import counts

DAY_MS = 86400000
ALL = None  # for ever


def ratio(a, b):
    return a / b if b > 0 else None


def nearest(a, b):
    """a / b as an integer, halves away from zero; None without b"""
    if b <= 0:
        return None
    whole = int(abs(fractions.Fraction(a, b)) + fractions.Fraction(1, 2))
    return whole if a >= 0 else -whole


class Views(counts.Counts):
    def __init__(self, options):
        super().__init__(options)
        self.figures = collections.defaultdict(collections.Counter)  # by (campaign, day or ALL)
        self.shopper = collections.defaultdict(collections.Counter)
        self.last, self.now = {}, 0

    def add(self, campaign, field, n):
        for day in (ALL, self.now // DAY_MS):
            self.figures[campaign, day][field] += n
        self.last[campaign] = max(self.now, self.last.get(campaign, 0))

    def clicks(self, e):
        self.now = e['ts']
        if e.get('campaign_id'):
            self.add(e['campaign_id'], {'IMPRESSION': 'impressions', 'CLICK': 'clicks', 'ADD_TO_CART': 'carts'}.get(e['action'], 'other'), 1)
        super().clicks(e)

    def purchases(self, e):
        self.now = e['ts']
        refund = e.get('kind') == 'REFUND'
        lines = sum(line['quantity'] * line['unit_price_minor'] for line in e['lines'])
        spent = self.shopper[e['user_id']]
        spent['orders'] += not refund
        spent['revenue:' + e['currency']] += -lines if refund else lines - max(0, e.get('discount_minor') or 0)
        super().purchases(e)

    def book(self, order, orders, money):
        for campaign, sort in ((order.direct, ''), (order.attributed, 'attributed_')):
            if campaign:
                self.add(campaign, '%sorders:%s' % (sort, order.currency), orders)
                self.add(campaign, '%srevenue:%s' % (sort, order.currency), money)
        super().book(order, orders, money)

    def campaign_fields(self, campaign, day, prefix):
        have = self.figures[campaign, day]
        currencies = sorted({field.split(':')[1] for field in self.figures[campaign, ALL] if ':' in field})
        out = {field: have[field] for field in ('impressions', 'clicks', 'carts')}
        for sort in ('orders', 'attributed_orders'):
            out[sort] = sum(have['%s:%s' % (sort, c)] for c in currencies)
        out['ctr'], out['cvr'] = ratio(have['clicks'], have['impressions']), ratio(out['attributed_orders'], have['clicks'])
        for c in currencies:
            out['revenue:' + c], out['attributed_revenue:' + c] = have['revenue:' + c], have['attributed_revenue:' + c]
            out['aov:' + c] = nearest(have['revenue:' + c], have['orders:' + c])
        return {prefix + field: n for field, n in out.items()}

    def views(self, watermark):
        for campaign in sorted(self.last):
            yield 'campaign:' + campaign, dict(self.campaign_fields(campaign, ALL, ''), **self.campaign_fields(campaign, watermark // DAY_MS, 'today_'))
        for user, spent in sorted(self.shopper.items()):
            yield 'user:' + user, {field: n if spent['orders'] else None for field, n in spent.items()}
        for item, have in sorted(self.item.items()):
            yield 'item:' + item, {field: n for field, n in have.items() if field.split(':')[0] in ('views', 'clicks', 'carts', 'buys', 'revenue')}


def main():
    options = counts.parser().parse_args()
    _, found = counts.count(options.files, options, Views)
    with open(options.out, 'w', encoding='utf-8') as out:
        for key, fields in found.views(options.watermark):
            out.write(json.dumps({'kind': 'view', 'key': key, 'fields': fields}) + '\n')
        out.write(json.dumps({'kind': 'scores', 'key': 'campaigns', 'scores': found.last}) + '\n')


if __name__ == '__main__':
    sys.exit(main())
