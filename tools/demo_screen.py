"""The demo's screen: everything on it is read from Redis (titles of items come from the shop's own catalogue).

On a terminal it is drawn anew twice a second on the alternate screen, fitted to its size; elsewhere a block of lines every ten
seconds. Called by tools/demo, often (tick); reads Redis, writes to standard output only.
"""
import os
import sys
import time
import unicodedata

from demo_redis import entries, pairs, parsed

DRAW_S, BLOCK_S = .5, 10
BOLD, DIM, RED, GREEN, CYAN, PLAIN = '\033[1m', '\033[2m', '\033[1;31m', '\033[32m', '\033[36m', '\033[0m'


def width(text):
    """columns on a terminal: Chinese characters take two"""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)


def cut(text, columns):
    """what fits; … where something is missing"""
    if width(text) <= columns:
        return text
    out, used = '', 1
    for c in text:
        used += width(c)
        if used > columns:
            break
        out += c
    return out + '…'


def pad(text, columns, right=False):
    text = cut(text, columns)
    space = ' ' * (columns - width(text))
    return space + text if right else text + space


def fold(text, columns):
    """lines of at most so many columns; Chinese may be broken anywhere, words are not"""
    lines, line = [], ''
    for word in text.replace(' %', '\u00a0%').split(' '):
        if line and width(line) + 1 + width(word) > columns:
            lines.append(line)
            line = ''
        line += (' ' if line else '') + word
        while width(line) > columns:
            head = ''
            for c in line:
                if width(head) + width(c) > columns:
                    break
                head += c
            lines.append(head)
            line = line[len(head):]
    return lines + [line] if line else lines


def number(text):
    return '{:,}'.format(int(float(text or 0)))


def percent(text):
    return '%.1f %%' % (100 * float(text)) if text not in (None, '', 'nan', 'null') else '–'


def clock(seconds):
    return '%d:%02d' % (seconds // 60, seconds % 60)


class Screen:
    def __init__(self, redis, port, name, footer):
        self.redis, self.name, self.footer = redis, name, footer
        self.items, self.user = {}, None
        self.terminal = sys.stdout.isatty() and os.environ.get('TERM', 'dumb') != 'dumb'
        self.begin = self.drawn = time.monotonic()
        self.said, self.until, self.beat, self.beats, self.beat_wanted = '', None, {}, [], None
        self.drawn -= BLOCK_S
        self.open = True
        if self.terminal:
            sys.stdout.write('\033[?1049h\033[?25l')

    def know(self, items, user):
        self.items, self.user = items, user

    def phase(self, sentence, seconds=None):
        self.said, self.until = sentence, time.monotonic() + seconds if seconds else None
        if self.terminal:
            self.drawn = 0
        else:
            print('%s  %s' % (clock(time.monotonic() - self.begin), sentence), flush=True)

    def title(self, item):
        known = self.items.get(item)
        return known['title'] if known and known.get('title') else item

    def beat_after(self, ms):
        """a heartbeat younger than this call's caller has come"""
        self.beat_wanted = self.beat_wanted or ms
        beat = parsed(self.redis.do('GET', 'glint:heartbeat:demo')) or {}
        return beat.get('as_of', 0) > self.beat_wanted

    # --- sections: lists of (style, text) ---

    def look(self):
        """all that is shown, in two round trips"""
        r = self.redis
        beat, recs, user, rules, campaigns, alerts, active, blocked, everybody = r.pipeline([
            ('GET', 'glint:heartbeat:demo'), ('GET', 'glint:recs:%s' % self.user), ('HGETALL', 'glint:user:%s' % self.user),
            ('GET', 'glint:rules'), ('ZREVRANGE', 'glint:campaigns', 0, 3), ('XREVRANGE', 'glint:alerts', '+', '-', 'COUNT', 60),
            ('HKEYS', 'glint:alerts:active'), ('SMEMBERS', 'glint:blocked'), ('HGETALL', 'glint:sentiment:all')])
        campaigns = sorted(campaigns)
        figures = r.pipeline([('HGETALL', 'glint:campaign:' + c) for c in campaigns]) if campaigns else []
        self.beat = parsed(beat) or {}
        return {'recs': parsed(recs), 'user': pairs(user), 'rules': parsed(rules), 'campaigns': list(zip(campaigns, map(pairs, figures))),
                'alerts': entries(alerts), 'active': set(active), 'blocked': set(blocked), 'all': pairs(everybody)}

    def freshness(self, beat):
        """the worst of the last ten heartbeats: how old a change was that Redis did not show yet"""
        if not self.beats or self.beats[-1][0] != beat['as_of']:
            self.beats = self.beats[-9:] + [(beat['as_of'], float(beat.get('freshness_seconds', 0)))]
        return max(f for _, f in self.beats)

    def head(self, columns):
        b, left = self.beat, self.until and max(0, self.until - time.monotonic())
        yield BOLD, pad('glint demo, %s' % self.name, columns - 24) + pad(clock(time.monotonic() - self.begin), 24, True)
        yield CYAN, self.said + (' (%d s to go)' % left if left else '')
        if b:
            yield '', '%s events applied  %s/s  lag %s records  freshness %.2f s  %s shoppers' % (
                number(b.get('applied')), number(b.get('events_per_second')), number(b.get('lag_records')), self.freshness(b), number(b.get('users')))

    def why(self, why, columns):
        if why['kind'] in ('bought_together', 'viewed_together'):
            return '%s with %s: %d times, %.0f %%%s' % (why['kind'].split('_')[0], self.title(why['seed']), why['count'], 100 * why['confidence'],
                                                      ', lift %.1f' % (why['lift'] or 0) if columns >= 100 else '')
        if why['kind'] == 'alike':
            return 'like %s' % self.title(why['seed'])
        return 'trending, %.1f times its usual' % why['trend'] if why['kind'] == 'trending' else 'popular'

    def recommended(self, seen, columns, most):
        user, recs = seen['user'], seen['recs']
        if not recs:
            return
        likes = parsed(user.get('top_categories')) or []
        yield BOLD, 'For %s%s%s' % (self.user, ': %s order%s' % (user['orders'], '' if user['orders'] == '1' else 's') if user.get('orders') else '',
                                   ', likes ' + ', '.join(likes) if likes else '')
        shown = [p for p in recs['items'] if p['item'] not in seen['blocked']]
        room = min(26, columns // 3)
        for pick in shown[:most]:
            yield '', '  %s  %s' % (pad(self.title(pick['item']), room), self.why(pick['why'], columns))

    def strongest(self, seen, columns, most):
        if not seen['rules'] or not seen['rules']['rules']:
            return
        days = seen['rules']['window_ms'] // 86400000
        yield BOLD, 'Strongest rules of %s%s orders and %s sessions' % (
            '%d days, ' % days if days else '', number(seen['rules']['baskets']['order']), number(seen['rules']['baskets']['session']))
        for r in seen['rules']['rules'][:most]:
            yield '', '  %s  %s %d of %d, %.0f %%%s' % (
                pad('%s → %s' % (self.title(r['a']), self.title(r['b'])), min(48, columns - 30)), 'bought' if r['basket'] == 'order' else 'viewed',
                r['count'], r['n_a'], 100 * r['confidence'], ', lift %.1f' % (r['lift'] or 0) if columns >= 100 else '')

    def campaigns(self, seen, columns):
        if not seen['campaigns']:
            return
        form = '%s%7s%7s%8s%8s%8s%12s%9s%8s'
        yield BOLD, form % (pad('Campaigns', 13), 'shown', 'clicks', 'CTR', 'orders', 'CVR', 'revenue', 'basket', 'people')
        for name, f in seen['campaigns']:
            currency = next((k.split(':', 1)[1] for k in sorted(f) if k.startswith('attributed_revenue:')), '')
            revenue, basket = int(f.get('attributed_revenue:' + currency) or 0), f.get('aov:' + currency)
            yield '', form % (pad('  ' + name, 13), number(f.get('impressions')), number(f.get('clicks')), percent(f.get('ctr')),
                              number(f.get('attributed_orders')), percent(f.get('cvr')), '%s %s' % (number(revenue / 100), currency),
                              '%.2f' % (int(basket) / 100) if basket else '–', number(f.get('uniques')))

    def reviews(self, seen, columns):
        a = seen['all']
        if a.get('positive_1h') is not None and a.get('positive_1d') is not None:
            yield '', 'Reviews: last hour %s good, %s neutral, %s bad; last day %s, %s, %s' % tuple(
                number(a.get('%s_%s' % (k, w))) for w in ('1h', '1d') for k in ('positive', 'neutral', 'negative'))

    def alerts(self, seen, columns, most):
        # of products first, the newest first
        alerts = sorted(seen['alerts'], key=lambda a: (a['state'] == 'raised' and a['id'] in seen['active'], a['scope'].startswith('item:')), reverse=True)
        if not alerts:
            return
        yield BOLD, 'Alerts: %d firing' % len(seen['active'])
        told = set()
        for a in alerts:
            if a['id'] in told or len(told) == most:
                continue
            told.add(a['id'])
            firing = a['state'] == 'raised' and a['id'] in seen['active']
            kind, _, scope = a['scope'].partition(':')
            which = ' (%s)' % self.title(scope) if kind == 'item' and self.title(scope) != scope else ''
            for n, line in enumerate(fold('%s%s  %s' % (a['severity'].upper() if firing else 'over', which, a['text_en']), columns - 4)):
                yield RED if firing else GREEN, ('  ! ' if n == 0 and firing else '    ') + line
            for line in fold(a['text_zh'], columns - 4):
                yield RED if firing else GREEN, '    ' + line

    # --- drawing ---

    def lines(self, columns, rows):
        seen = self.look()
        small = rows < 36
        parts = [list(self.head(columns)), list(self.recommended(seen, columns, 3 if small else 5)), list(self.strongest(seen, columns, 2 if small else 4)),
                 list(self.campaigns(seen, columns)), list(self.reviews(seen, columns)), list(self.alerts(seen, columns, 1 if small else 3))]
        parts = [p for p in parts if p]
        foot = [(DIM, line) for text in self.footer for line in fold(text, columns)]
        spaced = sum(map(len, parts)) + len(foot) + len(parts) <= rows
        lines = []
        for part in parts:
            lines += part + ([('', '')] if spaced else [])
        lines += foot
        return [(style, cut(text, columns)) for style, text in lines[:rows]]

    def tick(self):
        now = time.monotonic()
        if self.open and now - self.drawn >= (DRAW_S if self.terminal else BLOCK_S):
            self.drawn = now
            self.draw()

    def draw(self):
        if not self.terminal:
            lines = self.lines(120, 60)
            print('\n'.join(text for _, text in lines) + '\n' + '-' * 40, flush=True)
            return
        size = os.get_terminal_size(sys.stdout.fileno())
        out = ''.join((style + text + PLAIN if style else text) + '\033[K\r\n' for style, text in self.lines(size.columns, size.lines - 1))
        sys.stdout.write('\033[H' + out + '\033[J')
        sys.stdout.flush()

    def close(self):
        """back to the normal screen, with the last picture left on it; returns the columns there are"""
        if not self.open:
            return 0
        self.open = False
        lines, columns = [], 120
        try:
            columns = os.get_terminal_size(sys.stdout.fileno()).columns if self.terminal else columns
            lines = self.lines(columns, 100)
        except (OSError, ConnectionError):
            pass
        if self.terminal:
            sys.stdout.write('\033[?25h\033[?1049l')
        print('\n'.join(style + text + PLAIN if self.terminal and style else text for style, text in lines) + '\n', flush=True)
        return columns
