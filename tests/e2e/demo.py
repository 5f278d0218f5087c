#!/usr/bin/env python3
"""tools/demo as a person runs it, with a shorter live part: it ends by itself, is right, and leaves nothing behind."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
import subprocess

sys.path.insert(0, os.path.join(TOP, 'tools'))
import demo_shop


class Demo:
    """a demo under way, in a process group and with a folder for temporary files of its own"""

    def __init__(self, t, name, **env):
        self.folder = t.path(name)
        os.makedirs(self.folder)
        self.log_path = self.folder + '.log'
        base = {k: v for k, v in os.environ.items() if k not in ('SEED', 'DATA', 'KAFKA', 'GLINT_TEST_BROKERS')}
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen([os.path.join(TOP, 'tools/demo')], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=TOP,
                                            start_new_session=True, env=dict(base, GLINT_BUILD=BUILD, TMPDIR=self.folder, DEMO_FAST='1', **env))
        t.ends.callback(self.kill)

    def group(self):
        """pids of its process group that are not zombies"""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/stat' % pid) as f:
                    state, _, group = f.read().rsplit(')', 1)[1].split()[:3]
            except OSError:
                continue
            if int(group) == self.process.pid and state != 'Z':
                found.append(int(pid))
        return found

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def wait(self, limit):
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError('the demo did not end within %d s\n%s' % (limit, self.log()[-3000:])) from None

    def assert_gone(self):
        assert self.group() == [], 'left running: %s' % self.group()
        assert os.listdir(self.folder) == [], 'left behind: %s' % os.listdir(self.folder)

    def kill(self):
        for pid in self.group():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@case
def names_the_bad_product(t):
    'Of two SEEDs the demo ends within 90 s with exit code 0, its alert names the product that this SEED lets turn bad, and nothing is left.'
    bad = {}
    for seed in (3, 8):
        made_up = demo_shop.Shop(seed)
        bad[seed] = made_up.bad
        demo = Demo(t, 'seed%d' % seed, SEED=str(seed))
        code = demo.wait(90)
        out = demo.log()
        assert code == 0, out[-3000:]
        summary = out[out.rindex('\nok  '):] if '\nok  ' in out else out
        assert summary.rstrip().endswith('all as it should be'), summary
        alert = ' '.join(summary[summary.index('alert '):].split())
        assert 'raised for %s (%s)' % (made_up.items[made_up.bad]['title'], made_up.bad) in alert, out[-2000:]
        assert 'Negative reviews of item %s are up' % made_up.bad in out and '商品 %s 的差评增多' % made_up.bad in out, out[-3000:]
        demo.assert_gone()
    assert bad[3] != bad[8]


@case
def ends_when_told(t):
    'Interrupted in mid-run it ends all that it started, removes its folder, and says so by its exit code.'
    demo = Demo(t, 'interrupted')
    wait_for(lambda: 'history' in demo.log() or demo.process.poll() is not None, 60, 'the demo sends', 0.05)
    assert len(demo.group()) >= 3, demo.log()
    demo.process.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130, demo.log()[-2000:]
    demo.assert_gone()


@case
def event_files(t):
    'DATA=DIR shows event files of any kind, all of them, and their rules are counted as the files do.'
    data = os.path.dirname(shared_data('clothing-reviews.jsonl.gz'))
    some = t.path('some')
    os.makedirs(some)
    for name, lines in (('eshop-items', 1000), ('eshop-clicks', 5000), ('retail-purchases', 1500), ('clothing-reviews', 1500)):
        write_jsonl(os.path.join(some, name + '.jsonl.gz'), read_jsonl(os.path.join(data, name + '.jsonl.gz'))[:lines])
    demo = Demo(t, 'data', DATA=some)
    assert demo.wait(90) == 0, demo.log()[-3000:]
    assert '8,000 sent = 8,000 applied' in demo.log(), demo.log()[-3000:]
    demo.assert_gone()


main()
