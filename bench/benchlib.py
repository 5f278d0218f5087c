"""What the benches that need servers share: a folder with real servers in it, programs, figures of a process.

Stands on the end-to-end tests' harness (tests/e2e/lib/glintlib.py), which starts and ends servers of its own only. Used by
bench/throughput.py and bench/latency.py. Python's standard library only.
"""
import contextlib
import datetime
import os
import shutil
import sys
import tempfile
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../tests/e2e/lib'))
import glintlib
from glintlib import *

__all__ = glintlib.__all__ + ['cpu_s', 'peak_mib', 'cpu_of_threads', 'kafka_pid', 'logged_at', 'program', 'fill', 'stage', 'table']

TICKS = os.sysconf('SC_CLK_TCK')


@contextlib.contextmanager
def stage(name):
    """a Test of the harness in a folder of the build; the folder is kept when something went wrong. Without Kafka the program
    ends, saying that it skips"""
    folder = tempfile.mkdtemp(prefix=name + '.', dir=BUILD)
    t = Test(folder)
    try:
        with t.ends:
            yield t
    except glintlib.Skip as reason:
        shutil.rmtree(folder, ignore_errors=True)
        print('=> %s: skipped: %s' % (name, reason))
        sys.exit(0)
    except BaseException:
        print('%s: logs and configurations are kept in %s' % (name, folder), file=sys.stderr)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def kafka_pid(kafka):
    with open(os.path.join(kafka.folder, 'pid')) as f:
        return int(f.read())


def fill(kafka, topic, events, users, items, seed, *first_ts):
    """gen_clicks; returns {'clicks', 'users' (distinct), 'bytes'}"""
    return json.loads(run_program([program('gen_clicks'), kafka.address, topic] + [str(x) for x in (events, users, items, seed) + first_ts],
                                  300).stdout)


def cpu_s(pid):
    """seconds of CPU of a process, all threads, user and system"""
    with open('/proc/%d/stat' % pid) as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib(pid):
    with open('/proc/%d/status' % pid) as f:
        return int(re.search(r'VmHWM:\s+(\d+) kB', f.read()).group(1)) / 1024


def logged_at(daemon, word):
    """wall clock of the first line of its log with this word, s"""
    line = next(line for line in daemon.log_text().splitlines() if word in line)
    return datetime.datetime.strptime(line.split()[0], '%Y-%m-%dT%H:%M:%S.%f%z').timestamp()


def program(name):
    path = os.path.join(BUILD, 'bench', name)
    if not os.path.exists(path):
        raise AssertionError('%s is not built: make bench' % path)
    return path


def cpu_of_threads(pid):
    """seconds of CPU by thread name"""
    sums = {}
    for task in os.listdir('/proc/%d/task' % pid):
        try:
            with open('/proc/%d/task/%s/stat' % (pid, task)) as f:
                head, _, rest = f.read().rpartition(')')
        except OSError:
            continue
        name = head.partition('(')[2] + ('' if task != str(pid) else ' (loop)')
        fields = rest.split()
        sums[name] = round(sums.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICKS, 2)
    return dict(sorted(sums.items(), key=lambda x: -x[1]))


def table(rows):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return '\n'.join('  '.join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))) for r in rows)
