"""What the end-to-end tests share: real servers, glintd and glintctl under test, and a runner of test cases.

It starts and ends programs of its own only, on free loopback ports, in folders below GLINT_TEST_DIR; it never sleeps to
wait for something, it polls a condition with a limit (wait_for). It does not judge: assertions are the tests' own.
Python's standard library only. A test file:

    #!/usr/bin/env python3
    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
    from glintlib import *

    @case
    def redis_answers(t):
        'A redis-server of its own answers PING.'
        redis = t.redis()
        assert redis.client().do('PING') == 'PONG'

    main()

A case takes one argument, a Test: its folder, and makers of servers and daemons, all ended when the case ends, in reverse
order. The docstring is the sentence that it proves. skip('reason') skips. Environment: GLINT_BUILD, GLINT_TEST_DIR,
GLINT_TEST_KAFKA, GLINT_DATA as tests/run gives them; by hand `tests/e2e/x.py [WORD]` runs the cases whose name has WORD.
"""
import concurrent.futures
import contextlib
import functools
import gzip
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

__all__ = ['case', 'main', 'skip', 'wait_for', 'free_port', 'read_jsonl', 'write_jsonl', 'RedisError', 'Resp', 'Redis', 'Kafka',
           'Glintd', 'NotifySocket', 'Test', 'TOP', 'BUILD', 'metrics_of', 'rss_kib', 'shared_data', 'run_program',
           'json', 'os', 're', 'random', 'signal', 'sys', 'time']

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.abspath(os.environ.get('GLINT_BUILD') or os.path.join(TOP, 'build'))
sys.path.insert(0, os.path.join(TOP, 'tests/servers'))
from ports import free_port  # noqa: E402


class Skip(Exception):
    pass


def skip(reason):
    """ends the case as skipped; what needs ../shared/data says so in its reason"""
    raise Skip(reason)


def shared_data(name):
    """path of a file of the shared data; skips the case when it is not there"""
    folder = os.environ.get('GLINT_DATA') or os.path.join(TOP, '..', 'shared', 'data')
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        skip('needs %s of ../shared/data (or GLINT_DATA)' % name)
    return path


def wait_for(condition, timeout=60, what='', every=0.02):
    """polls condition() until it is true and returns what it gave; after timeout seconds an AssertionError names it"""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError('not within %g s: %s (last: %r)' % (timeout, what or condition.__name__, value))
        time.sleep(every)


def read_jsonl(path):
    with (gzip.open if path.endswith('.gz') else open)(path, 'rt', encoding='utf-8') as f:
        return [json.loads(line) for line in f if line.strip()]


def write_jsonl(path, rows):
    with (gzip.open if path.endswith('.gz') else open)(path, 'wt', encoding='utf-8') as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False, separators=(',', ':')) + '\n')
    return path


def rss_kib(pid):
    """resident memory of a process, KiB"""
    with open('/proc/%d/status' % pid) as f:
        return int(re.search(r'VmRSS:\s+(\d+) kB', f.read()).group(1))


def run_program(command, timeout=60, env=None, stdin=None, check=True):
    """runs a program to its end; returns its CompletedProcess (texts). With check a bad exit is an AssertionError that shows its output"""
    done = subprocess.run(command, input=stdin if stdin is not None else '', capture_output=True, text=True, timeout=timeout,
                          cwd=TOP, env=dict(os.environ, **(env or {})))
    if check and done.returncode != 0:
        raise AssertionError('%s: exit code %d\n%s%s' % (' '.join(command), done.returncode, done.stdout[-2000:], done.stderr[-2000:]))
    return done


# --- Redis ---

class RedisError(Exception):
    """an error reply"""


class Resp:
    """a small RESP2 client: texts in, str, int, None, list or RedisError out"""

    def __init__(self, port=None, path=None, timeout=30):
        if path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(path)
        else:
            self.sock = socket.create_connection(('127.0.0.1', port), timeout)
        self.file = self.sock.makefile('rb')

    def send(self, *args):
        out = [b'*%d\r\n' % len(args)]
        for a in args:
            a = a if isinstance(a, bytes) else str(a).encode()
            out.append(b'$%d\r\n%s\r\n' % (len(a), a))
        self.sock.sendall(b''.join(out))

    def read(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError('redis closed the connection')
        kind, rest = line[:1], line[1:-2]
        if kind == b'+':
            return rest.decode()
        if kind == b':':
            return int(rest)
        if kind == b'-':
            return RedisError(rest.decode())
        if kind == b'$':
            n = int(rest)
            return None if n < 0 else self.file.read(n + 2)[:-2].decode('utf-8', 'surrogateescape')
        if kind == b'*':
            n = int(rest)
            return None if n < 0 else [self.read() for _ in range(n)]
        raise ConnectionError('not RESP: %r' % line)

    def do(self, *args):
        """sends one command and returns its reply; an error reply is raised"""
        self.send(*args)
        reply = self.read()
        if isinstance(reply, RedisError):
            raise reply
        return reply

    def pipeline(self, commands):
        """sends many commands, reads as many replies; errors are among them, not raised"""
        replies = []
        for i in range(0, len(commands), 500):
            part = commands[i:i + 500]
            for c in part:
                self.send(*c)
            replies += [self.read() for _ in part]
        return replies

    def hash(self, key):
        """HGETALL as a dict"""
        flat = self.do('HGETALL', key)
        return dict(zip(flat[::2], flat[1::2]))

    def json(self, key):
        """GET and parse; None when the key is absent"""
        text = self.do('GET', key)
        return None if text is None else json.loads(text)

    def keys(self, pattern):
        """all keys that match, sorted (SCAN)"""
        found, cursor = set(), '0'
        while True:
            cursor, part = self.do('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000)
            found.update(part)
            if cursor == '0':
                return sorted(found)

    def close(self):
        self.file.close()
        self.sock.close()


class Redis:
    """a redis-server of one's own. It can be stopped (also with KILL) and started again on the same port"""

    def __init__(self, folder, args=''):
        self.folder, self.args, self.clients = folder, args, []
        self.start()

    def start(self):
        done = run_program([os.path.join(TOP, 'tests/servers/redis'), 'start', self.folder], env={'GLINT_REDIS_ARGS': self.args})
        self.url = done.stdout.strip().splitlines()[-1]
        self.port = int(self.url.rsplit(':', 1)[1].split('/')[0])
        self.path = os.path.join(self.folder, 'redis.sock')
        return self

    @property
    def unix_url(self):
        return 'unix://%s?db=0' % self.path

    def client(self, timeout=30):
        self.clients.append(Resp(port=self.port, timeout=timeout))
        return self.clients[-1]

    def pid(self):
        with open(os.path.join(self.folder, 'redis.pid')) as f:
            return int(f.read())

    def stop(self, number='TERM'):
        for c in self.clients:
            c.close()
        self.clients = []
        run_program([os.path.join(TOP, 'tests/servers/redis'), 'stop', self.folder, number])


# --- Kafka ---

class Kafka:
    """a real Kafka broker of one's own, for tests that hurt it; the others share GLINT_TEST_KAFKA (Test.kafka())"""

    def __init__(self, folder, properties=''):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.properties = os.path.join(folder, 'extra.properties')
        with open(self.properties, 'w') as f:
            f.write(properties)
        self.start()

    def start(self):
        env = self.env()
        done = subprocess.run([os.path.join(TOP, 'tests/kafka/broker'), 'start', self.folder], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env=env)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ['?'])[-1]
            skip('no Apache Kafka: ' + reason)
        self.address = done.stdout.strip().splitlines()[-1]
        return self

    def env(self):
        env = dict(os.environ, GLINT_KAFKA_PROPERTIES=self.properties)
        env.pop('GLINT_TEST_BROKERS', None)  # a broker that this test may hurt is not that one
        return env

    def stop(self, number='TERM'):
        subprocess.run([os.path.join(TOP, 'tests/kafka/broker'), 'stop', self.folder, number], check=True, env=self.env(),
                       stdin=subprocess.DEVNULL)


# --- glintd ---

def metrics_of(text):
    """Prometheus text → {'name{labels}': value}"""
    values = {}
    for line in text.splitlines():
        if line and not line.startswith('#'):
            name, _, value = line.rpartition(' ')
            values[name] = float(value)
    return values


class Glintd:
    """one glintd process; made by Test.glintd()"""

    def __init__(self, test, name, config, args=(), env=None, program=None):
        self.test, self.name, self.config, self.args, self.env = test, name, config, list(args), env or {}
        self.program = program or os.path.join(BUILD, 'glintd')
        self.http_port = free_port()
        self.log_path = os.path.join(test.folder, name + '.log')
        self.process = None

    def start(self, ready=True, timeout=60):
        """starts it (again); with ready waits until /readyz says yes"""
        if not os.path.exists(self.program):
            raise AssertionError('%s is not built' % self.program)
        command = [self.program, '--config', self.config, '--instance', self.name,
                   '--set', 'glint.http=127.0.0.1:%d' % self.http_port] + self.args
        self.log = open(self.log_path, 'ab')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=TOP,
                                        env=dict(os.environ, **self.env))
        if ready:
            self.wait_ready(timeout)
        return self

    def http(self, path, timeout=20):
        """(status, body) of GET path; (0, reason) when nothing answers"""
        try:
            with urllib.request.urlopen('http://127.0.0.1:%d%s' % (self.http_port, path), timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metrics(self):
        status, body = self.http('/metrics')
        assert status == 200, (status, body)
        return metrics_of(body)

    def wait_ready(self, timeout=60):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError('%s ended with %d while starting:\n%s' % (self.name, self.process.returncode, self.log_tail()))
            return self.http('/readyz')[0] == 200
        try:
            wait_for(ready, timeout, self.name + ' is ready', 0.05)
        except AssertionError as error:
            raise AssertionError('%s\n/readyz: %s\n%s' % (error, self.http('/readyz'), self.log_tail())) from None
        return self

    def log_text(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def log_tail(self, lines=30):
        return '\n'.join(self.log_text().splitlines()[-lines:])

    def wait_log(self, pattern, timeout=60, after=0):
        """waits for a line of its log; returns the match. `after` is a length of log_text() from which to look"""
        return wait_for(lambda: re.search(pattern, self.log_text()[after:]), timeout, '%s logs /%s/' % (self.name, pattern), 0.05)

    @property
    def pid(self):
        return self.process.pid

    def kill9(self):
        """an end without any notice"""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def term(self, timeout=60):
        """SIGTERM; returns the exit code"""
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait(timeout)

    def wait(self, timeout=60):
        """waits for its end; returns the exit code"""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError('%s did not end within %g s\n%s' % (self.name, timeout, self.log_tail())) from None
        self.log.close()
        return code

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(12)
            except subprocess.TimeoutExpired:
                self.kill9()


class NotifySocket:
    """a fake of systemd's notify socket; give its path to a daemon as NOTIFY_SOCKET"""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='glint-')  # short: a socket address holds 107 bytes
        self.path = os.path.join(self.folder, 'notify')
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.setblocking(False)
        self.lines = []

    def read(self):
        """all lines sent so far"""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.lines += self.sock.recv(65536).decode().splitlines()
        return self.lines

    def end(self):
        self.sock.close()
        os.unlink(self.path)
        os.rmdir(self.folder)


# --- a case and its things ---

class Test:
    """the folder and the servers of one case"""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.ends = contextlib.ExitStack()
        self.daemons = []
        self.prefix = 't%08x' % random.SystemRandom().getrandbits(32)
        self.counter = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def redis(self, args=''):
        self.counter += 1
        redis = Redis(self.path('redis%d' % self.counter), args)
        self.ends.callback(redis.stop)
        return redis

    def kafka(self):
        """host:port of the real broker that tests share (topics are told apart by this case's prefix)"""
        address = os.environ.get('GLINT_TEST_KAFKA') or os.environ.get('GLINT_TEST_BROKERS')
        return address or self.own_kafka().address

    def own_kafka(self, properties=''):
        self.counter += 1
        kafka = Kafka(self.path('kafka%d' % self.counter), properties)
        self.ends.callback(kafka.stop)
        return kafka

    def notify_socket(self):
        notify = NotifySocket()
        self.ends.callback(notify.end)
        return notify

    def config(self, name='glintd.conf', brokers=None, redis=None, items=False, **sections):
        """writes a configuration; returns its path. Sections by keyword, a dict each: glint={'commit_interval': '50ms'};
        redis may be a server, a URL or such a dict.
        Topics are <prefix>-clicks …, the group <prefix>; without brokers it is one for --embedded"""
        conf = {'kafka': {'group.id': self.prefix}, 'topics': {k: '%s-%s' % (self.prefix, k) for k in ('clicks', 'purchases', 'reviews')},
                'redis': {}, 'glint': {'run_dir': self.path('run'), 'guarantee': 'exactly_once' if brokers else 'at_least_once'}}
        if items:
            conf['topics']['items'] = self.prefix + '-items'
        if brokers:
            conf['kafka']['bootstrap.servers'] = brokers
        if redis:
            conf['redis'].update(redis if isinstance(redis, dict) else {'url': redis if isinstance(redis, str) else redis.url})
        for section, values in sections.items():
            conf.setdefault(section, {}).update(values)
        os.makedirs(self.path('run'), exist_ok=True)
        with open(self.path(name), 'w') as f:
            for section, values in conf.items():
                f.write('[%s]\n' % section + ''.join('%s = %s\n' % (k, v) for k, v in values.items() if v is not None))
        return self.path(name)

    def glintd(self, config, name='a', args=(), env=None, start=True, **how):
        """a glintd with this instance name; start=False only makes it"""
        daemon = Glintd(self, name, config, args, env)
        self.daemons.append(daemon)
        self.ends.callback(daemon.end)
        return daemon.start(**how) if start else daemon

    def embedded(self, redis, name='a', items=True, **sections):
        """(glintd --embedded, the configuration with which glintctl reaches it)"""
        config = self.config('embedded-base.conf', redis=redis, items=items, **sections)
        daemon = self.glintd(config, name, ['--embedded'])
        return daemon, wait_for(lambda: os.path.exists(self.path('run/embedded.conf')) and self.path('run/embedded.conf'))

    def ctl(self, config, *args, timeout=120, check=True, stdin=None):
        """runs glintctl COMMAND --config FILE ARGS; returns the CompletedProcess"""
        command = [os.path.join(BUILD, 'glintctl'), args[0], '--config', config] + [str(a) for a in args[1:]]
        if not os.path.exists(command[0]):
            raise AssertionError('%s is not built' % command[0])
        return run_program(command, timeout, stdin=stdin, check=check)

    def ctl_json(self, config, *args, timeout=120):
        """the same with --json, parsed"""
        return json.loads(self.ctl(config, *args, '--json', timeout=timeout).stdout)

    def topics_create(self, config, partitions=4):
        """makes the input topics; what the daemon keeps for itself it makes itself"""
        return self.ctl(config, 'topics', 'create', '--partitions', partitions)

    def replay(self, config, topic, *files, timeout=240):
        """sends event files (paths, or lists of events) to clicks, purchases, reviews or items"""
        paths = []
        for f in files:
            if not isinstance(f, str):
                self.counter += 1
                f = write_jsonl(self.path('%s%d.jsonl' % (topic, self.counter)), f)
            paths.append(f)
        return self.ctl(config, 'replay', '--topic', topic, *paths, timeout=timeout)

    def caught_up(self, config, timeout=120):
        """waits until all that was sent is done and shown (glintctl wait --caught-up)"""
        return self.ctl(config, 'wait', '--caught-up', '--timeout', timeout, timeout=timeout + 15)

    def dump(self, config, name='dump.jsonl', timeout=240):
        """writes glintctl's dump to a file of the folder; returns its path"""
        done = self.ctl(config, 'dump', timeout=timeout)
        with open(self.path(name), 'w') as f:
            f.write(done.stdout)
        return self.path(name)

    def oracle(self, name, files, *args, timeout=240):
        """writes the independent count of the files; returns its path"""
        run_program([sys.executable, os.path.join(TOP, 'tests/oracle/counts.py'), '--out', self.path(name)] + [str(a) for a in args] + list(files),
                    timeout)
        return self.path(name)

    def same_counts(self, dump, oracle, *args, timeout=240):
        """fails, naming what differs, unless dump and independent count agree; returns compare.py's summary"""
        done = run_program([sys.executable, os.path.join(TOP, 'tests/oracle/compare.py')] + list(args) + [oracle, dump], timeout, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        return done.stdout


CASES = []


def case(function):
    """marks a function as a test case; its docstring is the sentence that it proves"""
    assert function.__doc__, function.__name__ + ' has no docstring'
    CASES.append(function)
    return functools.wraps(function)(function)


REPORT = re.compile(r'^.*(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: ).*$', re.M)


def no_reports(test):
    """fails when a daemon's log has a report of a sanitizer (make asan, make tsan)"""
    for path in {daemon.log_path for daemon in test.daemons}:
        if os.path.exists(path):
            with open(path, errors='replace') as f:
                text = f.read()
            found = REPORT.search(text)
            assert not found, '%s:\n%s' % (path, text[found.start():found.start() + 6000])


def run_case(c, folder):
    """runs one case; prints its line, in one piece; True unless it failed"""
    sentence = ' '.join(c.__doc__.split()).rstrip('.').replace('#', '')
    test = Test(os.path.join(folder, c.__name__))
    begin, trace, failed = time.monotonic(), '', False
    try:
        with test.ends:
            c(test)
        no_reports(test)
        line = 'ok - ' + sentence
    except Skip as reason:
        line = 'ok - %s # SKIP %s' % (sentence, reason)
    except Exception:  # pylint: disable=broad-except
        trace, failed = traceback.format_exc(), True
        line = 'not ok - ' + sentence
    sys.stdout.write('%s%s%s\n' % (trace, line, '' if 'SKIP' in line else ' (%.1f s)' % (time.monotonic() - begin)))
    sys.stdout.flush()
    return not failed


def main(at_once=1):
    """runs the file's cases, prints a TAP line each, exits 1 when one failed. at_once > 1: so many side by side, for cases that wait more
    than they work and share nothing"""
    def stop(number, frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, stop)
    word = sys.argv[1] if len(sys.argv) > 1 else ''
    folder = os.environ.get('GLINT_TEST_DIR') or tempfile.mkdtemp(prefix='glint-test.')
    chosen = [c for c in CASES if word in c.__name__]
    print('1..%d' % len(chosen), flush=True)
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        results = list(pool.map(lambda c: run_case(c, folder), chosen)) if at_once > 1 else [run_case(c, folder) for c in chosen]
    sys.exit(0 if all(results) else 1)
