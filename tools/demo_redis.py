"""A small RESP2 client for the demo: commands out, str, int, None and lists in. One connection, no reconnecting."""
import json
import socket


class RedisError(Exception):
    """an error reply"""


class Redis:
    def __init__(self, port, timeout_s=10):
        self.sock = socket.create_connection(('127.0.0.1', port), timeout_s)
        self.file = self.sock.makefile('rb')

    def read(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError('Redis closed the connection')
        kind, rest = line[:1], line[1:-2]
        if kind == b'+':
            return rest.decode()
        if kind == b':':
            return int(rest)
        if kind == b'-':
            return RedisError(rest.decode())
        n = int(rest)
        if n < 0:
            return None
        return [self.read() for _ in range(n)] if kind == b'*' else self.file.read(n + 2)[:-2].decode('utf-8', 'replace')

    def pipeline(self, commands):
        """as many replies as commands; the first error among them is raised"""
        out = []
        for command in commands:
            out.append(b'*%d\r\n' % len(command))
            for word in command:
                word = str(word).encode()
                out.append(b'$%d\r\n%s\r\n' % (len(word), word))
        self.sock.sendall(b''.join(out))
        replies = [self.read() for _ in commands]
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        return replies

    def do(self, *command):
        return self.pipeline([command])[0]

    def keys(self, pattern):
        found, cursor = set(), '0'
        while True:
            cursor, part = self.do('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000)
            found.update(part)
            if cursor == '0':
                return sorted(found)


def parsed(text):
    """a string's JSON; None when the key is absent"""
    return json.loads(text) if text else None


def pairs(flat):
    """a hash's reply as a dict"""
    return dict(zip(flat[::2], flat[1::2]))


def entries(reply):
    """a stream's entries as dicts"""
    return [dict(pairs(fields), stream_id=number) for number, fields in reply or []]
