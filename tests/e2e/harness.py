#!/usr/bin/env python3
"""The harness itself: what the other end-to-end tests stand on."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *


@case
def redis_of_its_own(t):
    'A redis-server of its own answers on TCP and on its unix socket, and comes back on its port after a kill -9.'
    redis = t.redis()
    one = redis.client()
    assert one.do('SET', 'k', 'a\r\nb') == 'OK'
    assert one.do('GET', 'k') == 'a\r\nb'
    assert one.do('HSET', 'h', 'f', 1, 'g', 2) == 2
    assert one.hash('h') == {'f': '1', 'g': '2'}
    assert one.keys('*') == ['h', 'k']
    replies = one.pipeline([('INCR', 'n'), ('LPUSH', 'k', 1), ('INCR', 'n')])
    assert replies[0] == 1 and replies[2] == 2 and isinstance(replies[1], RedisError), replies
    if len(redis.path) < 108:
        assert Resp(path=redis.path).do('GET', 'n') == '2'
    port, pid = redis.port, redis.pid()
    redis.stop('KILL')
    redis.start()
    assert redis.port == port and redis.pid() != pid
    assert redis.client().do('DBSIZE') == 0


@case
def conditions_with_a_limit(t):
    'A condition that does not come true fails by its name within its limit.'
    begin = time.monotonic()
    try:
        wait_for(lambda: False, 0.1, 'pigs fly')
    except AssertionError as error:
        assert 'pigs fly' in str(error)
    else:
        raise AssertionError('it came true')
    assert time.monotonic() - begin < 5
    left = iter([None, 0, 'yes'])
    assert wait_for(lambda: next(left)) == 'yes'


@case
def metrics_text(t):
    'Prometheus text is read by name and labels.'
    text = '# HELP a b\n# TYPE a counter\na{x="1 2"} 3\nb 0.5\n'
    assert metrics_of(text) == {'a{x="1 2"}': 3.0, 'b': 0.5}


@case
def notify_socket(t):
    'The fake notify socket keeps what is sent to it.'
    import socket
    notify = t.notify_socket()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(b'READY=1\nSTATUS=x', notify.path)
    assert wait_for(notify.read) == ['READY=1', 'STATUS=x']


main()
