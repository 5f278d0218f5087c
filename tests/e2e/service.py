#!/usr/bin/env python3
"""What `make install` and `make deb` bring: the systemd unit, its account, programs and files; judged by systemd's own tools."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
import shlex
import shutil
from glintlib import *

UNIT = 'lib/systemd/system/glintd@.service'
EXPOSURE = 1.5


def install(t, remove=False):
    """the tree as installed under a prefix of the case's own"""
    prefix, etc = t.path('usr'), t.path('etc')
    program = os.path.join(TOP, 'tools/install-files')
    run_program([program, '--remove', '', prefix, etc] if remove else [program, BUILD, '', prefix, etc])
    return prefix, etc


def settings(path):
    """{name: [values]} of [Service], as systemd reads it"""
    found, section = {}, ''
    with open(path) as f:
        for line in map(str.strip, f):
            if line.startswith('['):
                section = line
            elif section == '[Service]' and line and line[0] not in '#;':
                name, _, value = line.partition('=')
                found.setdefault(name, []).append(value)
    return found


def systemd_analyze(*args):
    if not shutil.which('systemd-analyze'):
        skip('systemd-analyze is missing')
    return run_program(['systemd-analyze'] + list(args), 60, check=False)


@case
def the_unit_is_locked_down(t):
    'systemd-analyze security finds the unit at most 1.5 exposed, and finds an open one worse.'
    unit = os.path.join(install(t)[0], UNIT)
    judge = lambda path: systemd_analyze('security', '--offline=yes', '--no-pager', '--threshold=%d' % (EXPOSURE * 10), path)
    done = judge(unit)
    assert done.returncode == 0 and 'Overall exposure level' in done.stdout, done.stdout[-300:] + done.stderr
    assert float(re.search(r'Overall exposure level for .*: ([\d.]+)', done.stdout).group(1)) <= EXPOSURE
    os.makedirs(t.path('open'))
    with open(unit) as f, open(t.path('open/glintd@.service'), 'w') as out:
        out.writelines(x for x in f if not x.startswith(('Capability', 'System', 'Private')))
    assert judge(t.path('open/glintd@.service')).returncode != 0


@case
def the_unit_is_understood(t):
    'systemd-analyze verify takes the installed unit and its programs without a word, and names a setting that does not exist.'
    unit = os.path.join(install(t)[0], UNIT)

    def said(path):
        done = systemd_analyze('verify', '--man=no', '--recursive-errors=no', path)
        return [x for x in done.stderr.splitlines() if 'glintd@' in x]
    assert said(unit) == [], said(unit)
    os.makedirs(t.path('wrong'))
    with open(unit) as f, open(t.path('wrong/glintd@.service'), 'w') as out:
        out.write(f.read().replace('WatchdogSec=', 'WatchDogSecs='))
    assert any('WatchDogSecs' in x for x in said(t.path('wrong/glintd@.service')))


@case
def the_unit_fits_the_program(t):
    'The installed command line starts; the codes that are not tried again are those that the program ends with; its times are in order.'
    prefix, etc = install(t)
    service = settings(os.path.join(prefix, UNIT))
    start = shlex.split(service['ExecStart'][0].replace('$GLINTD_OPTIONS', ''))
    assert start == [prefix + '/bin/glintd', '--config', etc + '/glint/glintd.conf'], start
    fine = run_program(start + ['--check-config'], 20)  # with the installed configuration and lexicons
    assert 'is fine' in fine.stdout, fine
    never = {int(x) for x in service['RestartPreventExitStatus'][0].split()}
    assert run_program(start + ['--no-such-flag'], 20, check=False).returncode in never
    with open(etc + '/glint/glintd.conf', 'a') as f:
        f.write('[glint]\ncomit_interval = 1s\n')
    bad = run_program(start, 20, check=False)
    assert bad.returncode == 78 and bad.returncode in never, bad
    assert service['Type'] == ['notify'] and service['Restart'] == ['on-failure']
    assert any('HUP $MAINPID' in x for x in service['ExecReload'])
    seconds = {k: int(service[k][0].rstrip('s')) for k in ('TimeoutStopSec', 'TimeoutStartSec', 'WatchdogSec')}
    assert seconds['TimeoutStopSec'] > 10 + 5, 'shutdown_timeout is 10 s by default'
    assert seconds['WatchdogSec'] > 60 and seconds['TimeoutStartSec'] > 60, 'the loop waits for some calls up to half a minute each'


@case
def a_syscall_that_is_not_allowed(t):
    'Every system call of a glintd that starts, works and stops is among those that the unit allows.'
    if not shutil.which('strace'):
        skip('strace is missing')
    service = settings(os.path.join(install(t)[0], UNIT))
    allowed = set()
    for text in service['SystemCallFilter']:
        names = set(expanded(text.lstrip('~').split()))
        allowed = allowed - names if text.startswith('~') else allowed | names
    redis = t.redis()
    daemon = t.glintd(t.config('embedded-base.conf', redis=redis), 'a', ['--embedded'], start=False)
    run = t.path('calls')
    daemon.args = ['--embedded']
    daemon.program = t.path('glintd')
    with open(daemon.program, 'w') as f:
        f.write('#!/bin/sh\nexec strace -f -c -o %s %s "$@"\n' % (shlex.quote(run), shlex.quote(os.path.join(BUILD, 'glintd'))))
    os.chmod(daemon.program, 0o755)
    daemon.start()
    os.kill(int(run_program(['pgrep', '-P', str(daemon.pid)]).stdout.split()[0]), signal.SIGTERM)
    assert daemon.wait() == 0, daemon.log_tail()
    with open(run) as f:
        used = {x.split()[-1] for x in f if re.match(r'\s*[\d.]+\s', x)} - {'total', 'execve', 'arch_prctl'}
    assert len(used) > 20 and used <= allowed, sorted(used - allowed)


def expanded(names):
    """system calls of sets and names, as systemd has them"""
    for name in names:
        if name.startswith('@'):
            done = systemd_analyze('syscall-filter', '--no-pager', name)
            yield from expanded([x.strip() for x in done.stdout.splitlines()[1:] if x.strip() and not x.strip().startswith('#')])
        else:
            yield name


@case
def what_install_brings(t):
    'make install puts programs, unit, account, configuration, schemas, lexicons and documents in place; uninstall leaves the configuration alone.'
    prefix, etc = install(t)
    for name in ('bin/glintd', 'bin/glintctl', UNIT, 'lib/sysusers.d/glint.conf', 'share/glint/lexicons/en.txt', 'share/glint/schemas/click.avsc',
                 'share/doc/glint/README.md', 'share/doc/glint/operations.md', 'share/doc/glint/guarantees.md'):
        assert os.path.exists(os.path.join(prefix, name)), name
    if shutil.which('systemd-sysusers'):
        os.makedirs(t.path('root/etc'), exist_ok=True)
        done = run_program(['systemd-sysusers', '--root=' + t.path('root'), os.path.join(prefix, 'lib/sysusers.d/glint.conf')], check=False)
        with open(t.path('root/etc/passwd')) as f:
            assert re.search(r'^glint:', f.read(), re.M), done
    with open(etc + '/glint/glintd.conf', 'a') as f:
        f.write('; mine\n')
    install(t)
    install(t, remove=True)
    with open(etc + '/glint/glintd.conf') as f:
        assert f.read().endswith('; mine\n')
    left = [os.path.join(folder, x) for folder, _, files in os.walk(prefix) for x in files]
    assert left == [], left


@case
def the_documents_name_metrics(t):
    'Every metric that docs/operations.md and guarantees.md name is one of the program, with labels of that name.'
    source = ''
    for name in ('daemon/report.c', 'daemon/face/process.c'):
        with open(os.path.join(TOP, name)) as f:
            source += f.read()
    seen = set()
    for name in ('operations.md', 'guarantees.md'):
        with open(os.path.join(TOP, 'docs', name)) as f:
            text = f.read()
        for metric, labels in re.findall(r'\b((?:glint|process)_[a-z_]+_[a-z]+|glint_users|glint_keys)\b(?:\{([^}]*)\})?', text):
            assert '"%s"' % metric in source, metric
            for label in re.findall(r'([a-z_]+)!?="', labels):
                assert label in ('job', 'instance') or re.search(r'"%s",.*\n?.*"%s"' % (metric, label), source), (metric, label)
            seen.add(metric)
    assert len(seen) > 15, seen


@case
def the_guarantees_name_tests(t):
    'Every test that docs/guarantees.md names is there.'
    with open(os.path.join(TOP, 'docs/guarantees.md')) as f:
        text = f.read()
    folders = {'test_': ('tests/unit/%s.c', r'\b%s\b'), 'e2e': ('tests/e2e/%s.py', r'^def %s\('), 'faults': ('tests/faults/%s.py', r'^def %s\(')}
    named = 0
    for span in re.findall(r'`([^`]*)`', text):
        match = re.fullmatch(r'(faults: )?((?:[a-z_]+\.py(?:, )?)+|test_[a-z_]+)(?:: ([a-z_, ]+))?', ' '.join(span.split()))
        if not match or '_' not in span and '.py' not in span:
            continue
        for program in match.group(2).split(', '):
            path, pattern = folders['faults' if match.group(1) else 'test_' if program.startswith('test_') else 'e2e']
            with open(os.path.join(TOP, path % program.replace('.py', ''))) as f:
                source = f.read()
            for name in (match.group(3) or '').split(', '):
                assert not name or re.search(pattern % name, source, re.M), (program, name)
                named += 1
    assert named > 40, named


main(at_once=2)
