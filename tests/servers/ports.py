#!/usr/bin/env python3
"""Loopback TCP ports for servers of tests: ports.py [N] prints N that nothing listens on.

They lie below those that the system gives to outgoing connections: else one of these may sit on the port of a server that is not yet there,
or away for a moment. The last one given is kept in a file that all test programs of a user share, so that none is given to two of them.
"""
import fcntl
import os
import socket
import sys
import tempfile

FIRST, END = 12000, 32000


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(('127.0.0.1', port))
        except OSError:
            return False
    return True


def free_port():
    path = os.path.join(tempfile.gettempdir(), 'glint-test-ports.%d' % os.getuid())
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), 'r+') as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        text = f.read().strip()
        last = int(text) if text.isdigit() else FIRST + os.getpid() % (END - FIRST)
        for k in range(1, END - FIRST):
            port = FIRST + (last - FIRST + k) % (END - FIRST)
            if is_free(port):
                f.seek(0)
                f.truncate()
                f.write('%d\n' % port)
                return port
    raise OSError('no free port')


if __name__ == '__main__':
    print(*[free_port() for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1)])
