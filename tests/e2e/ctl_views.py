#!/usr/bin/env python3
"""The readers of glintctl: what stands in Redis by the contract, as tables and as JSON. Redis alone, no Kafka."""
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *

RECS = {'v': 1, 'as_of': 1700000000000, 'commit': 7, 'rec_id': 'r1', 'segment': 'loyal', 'variant': None, 'fallback': False, 'items': [
    {'item': '雨伞', 'score': 0.91, 'why': {'kind': 'bought_together', 'seed': 'hat', 'count': 12, 'support': 0.03, 'confidence': 0.4, 'lift': 2.5}},
    {'item': 'cap', 'score': 0.5, 'why': {'kind': 'trending', 'trend': 3}}]}


def setup(t):
    server = t.redis()
    return t.config(brokers='127.0.0.1:1', redis=server), server.client()


def lines(t, config, *args):
    return t.ctl(config, *args).stdout.splitlines()


@case
def a_list_with_reasons(t):
    'recs shows a list with its reasons in aligned columns; --json is the value as it stands in Redis.'
    config, db = setup(t)
    db.do('SET', 'glint:recs:u1', json.dumps(RECS))
    shown = lines(t, config, 'recs', 'u1')
    assert shown[0].startswith('for u1, segment loyal, as of 2023-11-1'), shown
    assert shown[1].split() == ['item', 'score', 'kind', 'seed', 'count', 'support', 'confidence', 'lift', 'trend'], shown
    assert shown[2].split() == ['雨伞', '0.91', 'bought_together', 'hat', '12', '0.03', '0.4', '2.5'], shown
    assert shown[3].split() == ['cap', '0.5', 'trending', '3'], shown
    assert t.ctl_json(config, 'recs', 'u1') == RECS


@case
def the_default_list(t):
    'A shopper without a list gets the default list, and is told so; without that, exit code 69.'
    config, db = setup(t)
    done = t.ctl(config, 'recs', 'u2', check=False)
    assert done.returncode == 69 and "no list for 'u2'" in done.stderr
    db.do('SET', 'glint:recs:_default', json.dumps(RECS))
    assert 'the default list' in lines(t, config, 'recs', 'u2')[0]


@case
def another_prefix(t):
    'The prefix of the configuration is that of every key.'
    config, db = setup(t)
    db.do('SET', 'shop:recs:u1', json.dumps(RECS))
    assert t.ctl_json(config, 'recs', 'u1', '--set', 'redis.prefix=shop') == RECS


@case
def neighbours(t):
    'together shows what was bought and what was viewed with an item.'
    config, db = setup(t)
    assert t.ctl(config, 'together', 'hat', check=False).returncode == 69
    value = {'v': 1, 'as_of': 1700000000000, 'commit': 1, 'n': 9, 'baskets': 30, 'window_ms': 0,
             'items': [{'item': 'cap', 'count': 4, 'support': 0.1, 'confidence': 0.5, 'lift': 1.5}]}
    db.do('SET', 'glint:together:hat', json.dumps(value))
    shown = lines(t, config, 'together', 'hat')
    assert shown[0].startswith('bought together') and shown[2].split() == ['cap', '4', '0.1', '0.5', '1.5'], shown
    assert t.ctl_json(config, 'together', 'hat') == {'together': value, 'viewed': None}


@case
def an_item(t):
    'item shows the hash, sentiment and neighbours of an item.'
    config, db = setup(t)
    assert t.ctl(config, 'item', 'hat', check=False).returncode == 69
    db.do('HSET', 'glint:item:hat', 'rating_mean', '4.5', 'rating_n', '2', 'v', '1', 'as_of', '1700000000000')
    db.do('HSET', 'glint:sentiment:item:hat', 'mean_1d', '0.3')
    shown = lines(t, config, 'item', 'hat')
    assert shown[0].startswith('hat, as of 2023-11-1'), shown
    assert [l.split() for l in shown[1:]] == [['rating_mean', '4.5'], ['rating_n', '2'], [], ['sentiment'], ['mean_1d', '0.3']], shown
    assert t.ctl_json(config, 'item', 'hat') == {'item': {'rating_mean': '4.5', 'rating_n': '2', 'v': '1', 'as_of': '1700000000000'},
                                                 'sentiment': {'mean_1d': '0.3'}, 'similar': None}


@case
def a_prediction(t):
    'predict adds what a shopper gives to an average item and the item\'s bias times the shopper\'s slope, within the scale.'
    config, db = setup(t)
    assert t.ctl(config, 'predict', 'ann', 'hat', check=False).returncode == 69
    db.do('HSET', 'glint:item:hat', 'bias', '0.4', 'rating_expected', '4')
    assert abs(t.ctl_json(config, 'predict', 'ann', 'hat')['rating'] - 4) < 1e-9
    db.do('HSET', 'glint:user:ann', 'rating_expected', '3', 'rating_slope', '0.5')
    assert abs(t.ctl_json(config, 'predict', 'ann', 'hat')['rating'] - 3.2) < 1e-9
    assert lines(t, config, 'predict', 'ann', 'hat')[0].startswith('3.20 stars by ann for hat')
    db.do('HSET', 'glint:user:ann', 'rating_expected', '4.9')
    assert t.ctl_json(config, 'predict', 'ann', 'hat')['rating'] == 5


@case
def what_rises(t):
    'trending shows the highest scores first, of all or of a category, as many as were asked for.'
    config, db = setup(t)
    db.do('ZADD', 'glint:trending', '1.5', 'hat', '3', 'cap', '0.5', 'bag')
    db.do('ZADD', 'glint:popular:shoes', '2', 'boot')
    assert [l.split() for l in lines(t, config, 'trending', '--top', '2')] == [['trending'], ['item', 'score'], ['cap', '3'], ['hat', '1.5']]
    assert t.ctl_json(config, 'trending', 'shoes') == {'trending': [], 'popular': [{'item': 'boot', 'score': 2.0}]}


@case
def strongest_rules(t):
    'rules shows the strongest rules, as many as were asked for.'
    config, db = setup(t)
    rule = {'a': 'hat', 'b': 'cap', 'basket': 'order', 'count': 3, 'support': 0.1, 'confidence': 0.6, 'lift': 2}
    db.do('SET', 'glint:rules', json.dumps({'v': 1, 'as_of': 1700000000000, 'commit': 1, 'baskets': 9, 'rules': [rule, dict(rule, b='bag')]}))
    shown = lines(t, config, 'rules', '--top', '1')
    assert shown[1].split() == list(rule) and shown[2].split() == ['hat', 'cap', 'order', '3', '0.1', '0.6', '2'] and len(shown) == 3, shown


@case
def rising_complaints(t):
    'complaints shows what negative reviews newly speak of, in the shop or in a category.'
    config, db = setup(t)
    assert t.ctl(config, 'complaints', check=False).returncode == 69
    terms = [{'term': 'clasp tarnished', 'count': 9.5, 'before': 0.5, 'z': 3.25}, {'term': 'zipper', 'count': 8, 'before': 1, 'z': 2.5}]
    db.do('SET', 'glint:complaints', json.dumps({'v': 1, 'as_of': 1700000000000, 'commit': 1, 'reviews': 14, 'before': 20, 'terms': terms}))
    db.do('SET', 'glint:complaints:rings', json.dumps({'v': 1, 'as_of': 1700000000000, 'commit': 1, 'reviews': 2, 'before': 1, 'terms': []}))
    shown = lines(t, config, 'complaints', '--top', '1')
    assert shown[1].split() == list(terms[0]) and shown[2].split() == ['clasp', 'tarnished', '9.5', '0.5', '3.25'] and len(shown) == 3, shown
    assert t.ctl_json(config, 'complaints', 'rings')['terms'] == []


@case
def campaigns(t):
    'campaign lists campaigns by last activity, and shows one with its last minutes.'
    config, db = setup(t)
    db.do('ZADD', 'glint:campaigns', '1', 'old', '2', 'new')
    db.do('HSET', 'glint:campaign:old', 'clicks', '5', 'v', '1', 'as_of', '1')
    db.do('HSET', 'glint:campaign:new', 'clicks', '7', 'revenue:EUR', '900', 'today_clicks', '1')
    db.do('XADD', 'glint:campaign:new:minutes', '60000-0', 'clicks', '2')
    assert [l.split() for l in lines(t, config, 'campaign')] == [['campaign', 'clicks', 'revenue:EUR'], ['new', '7', '900'], ['old', '5']]
    assert t.ctl_json(config, 'campaign', 'new') == {'campaign': {'clicks': '7', 'revenue:EUR': '900', 'today_clicks': '1'},
                                                     'minutes': [{'stream_id': '60000-0', 'clicks': '2'}]}
    assert t.ctl(config, 'campaign', 'none', check=False).returncode == 69


ALERT = ['id', 'a1', 'kind', 'negative_share', 'scope', 'item:hat', 'severity', 'high', 'state', 'raised', 'ts', '1700000000000',
         'text_en', 'Hat is disliked.', 'text_zh', '帽子差评。']


@case
def alerts(t):
    'alerts shows the latest, oldest first, in either language; --active those that fire now.'
    config, db = setup(t)
    assert lines(t, config, 'alerts') == ['no alerts so far']
    db.do('XADD', 'glint:alerts', '1-0', *ALERT)
    db.do('XADD', 'glint:alerts', '2-0', *[x.replace('raised', 'resolved') for x in ALERT])
    shown = lines(t, config, 'alerts', '--lang', 'en')
    assert 'raised' in shown[0] and 'resolved' in shown[1] and shown[0].endswith('item:hat  Hat is disliked.'), shown
    assert lines(t, config, 'alerts', '--lang', 'zh', '--top', '1')[0].endswith('帽子差评。')
    assert json.loads(lines(t, config, 'alerts', '--json')[0])['id'] == 'a1'
    assert lines(t, config, 'alerts', '--active') == ['no alert is active']
    db.do('HSET', 'glint:alerts:active', 'a1', json.dumps(dict(zip(ALERT[::2], ALERT[1::2]), ts=1700000000000)))
    assert 'item:hat' in lines(t, config, 'alerts', '--active')[0]


@case
def alerts_go_on(t):
    'alerts --follow prints new alerts as they come, each once, until it is interrupted.'
    config, db = setup(t)
    db.do('XADD', 'glint:alerts', '1-0', *ALERT)
    with open(t.path('out'), 'w') as out:
        run = subprocess.Popen([os.path.join(BUILD, 'glintctl'), 'alerts', '--config', config, '--follow', '--json'], stdout=out)
    try:
        seen = lambda: [json.loads(l)['stream_id'] for l in open(t.path('out')) if l.endswith('\n')]
        wait_for(lambda: seen() == ['1-0'])
        db.do('XADD', 'glint:alerts', '2-0', *ALERT)
        wait_for(lambda: seen() == ['1-0', '2-0'])
        db.do('XADD', 'glint:alerts', '3-0', *ALERT)
        wait_for(lambda: seen() == ['1-0', '2-0', '3-0'])
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 0
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()


@case
def arms_of_an_experiment(t):
    'experiment shows the arms of a test, by default the one of the configuration; what is no number is shown as nothing.'
    config, db = setup(t)
    done = t.ctl(config, 'experiment', check=False)
    assert done.returncode == 69 and "no experiment 'default'" in done.stderr
    fields = {'v': 1, 'as_of': 1700000000000, 'commit': 7, 'lists:A': 2, 'clicked_lists:A': 1, 'ctr:A': 0.5, 'ctr_low:A': 'nan', 'ctr_high:A': '-nan',
              'cvr:A': '1e-05', 'revenue:A:EUR': 450, 'revenue_per_shopper:A:EUR': 'inf'}
    db.do('HSET', 'glint:experiment:june', *[x for pair in fields.items() for x in pair])
    [arm] = t.ctl_json(config, 'experiment', 'june')
    assert (arm['arm'], arm['lists'], arm['clicked_lists'], arm['ctr'], arm['cvr'], arm['revenue:EUR']) == ('A', 2, 1, 0.5, 1e-05, 450), arm
    assert all(arm[name] is None for name in ('ctr_low', 'ctr_high', 'shoppers', 'revenue_per_shopper:EUR')), arm
    assert 'nan' not in t.ctl(config, 'experiment', 'june').stdout


@case
def a_password_is_used(t):
    'The password of a file is used; without it the answer of Redis is shown, and no secret.'
    config, db = setup(t)
    db.do('SET', 'glint:recs:u1', json.dumps(RECS))
    db.do('CONFIG', 'SET', 'requirepass', 'sesame')
    with open(t.path('password'), 'w') as f:
        f.write('sesame\n')
    os.chmod(t.path('password'), 0o600)
    done = t.ctl(config, 'recs', 'u1', check=False)
    assert done.returncode == 69 and 'NOAUTH' in done.stderr, done.stderr
    assert json.loads(t.ctl(config, 'recs', 'u1', '--json', '--set', 'redis.password_file=' + t.path('password')).stdout) == RECS


@case
def wrong_use(t):
    'A wrong option ends with 64, a wrong configuration with 78, each with a sentence.'
    config, _ = setup(t)
    for code, args, word in ((64, ('recs',), 'usage: glintctl recs USER'), (64, ('rules', '--top', '0'), '--top must be a whole number'),
                             (64, ('alerts', '--lang', 'fr'), '--lang must be en or zh'), (64, ('wait',), '--caught-up'),
                             (78, ('rules', '--set', 'redis.prefx=a'), "did you mean 'prefix'")):
        done = t.ctl(config, *args, check=False)
        assert done.returncode == code and word in done.stderr, (args, done.returncode, done.stderr)


main()
