"""A TCP proxy on loopback that does to connections what networks do. Standard library only; threads of its own, ended by close().

    proxy = Proxy(port)          # in front of 127.0.0.1:port; proxy.port is where clients go
    proxy.be('delay', 0.2)       # from now on, also for what is connected
    proxy.be('pass')

  pass               everything goes through
  delay S            each piece arrives S seconds later, in both directions
  throttle BYTES     so many bytes a second and direction
  bytes              one byte at a time, each in a segment of its own
  black_hole         connections are accepted and stay; nothing goes through, in either direction, nobody is told
  half_open          as black_hole for what is connected now, whose server side is closed; who connects anew is served
  reset              what is connected is reset, and so is who connects
  lose_replies       requests reach the server; of what it says nothing comes back, and after `reset_after` seconds the client is reset

A piece that is in a closed connection is lost, as in life. `target` may be changed: new connections go there.
"""
import socket
import struct
import threading
import time

_CHUNK = 65536


class Proxy:
    def __init__(self, target, port=0):
        self.target, self.mode, self.value, self.since = target, 'pass', 0, 0.0
        self.lock, self.pairs, self.open, self.passed, self.lost = threading.Lock(), set(), True, 0, 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def be(self, mode, value=0):
        self.mode, self.value, self.since = mode, value, time.monotonic()
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            if mode == 'reset':
                pair.reset()
            elif mode == 'half_open':
                pair.deaf = True
                pair.end(pair.server)
            elif mode == 'pass' and pair.deaf:
                pair.reset()

    def reset_all(self):
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            pair.reset()

    def close(self):
        self.open = False
        self.listener.close()
        self.reset_all()

    def _accept(self):
        while self.open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.mode == 'reset':
                _reset(client)
                continue
            try:
                server = socket.create_connection(('127.0.0.1', self.target), 5)
            except OSError:
                _reset(client)
                continue
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                s.settimeout(None)
            pair = _Pair(self, client, server)
            with self.lock:
                self.pairs.add(pair)
            pair.start()


class _Pair:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server, self.deaf = proxy, client, server, False

    def start(self):
        for a, b, reply in ((self.client, self.server, False), (self.server, self.client, True)):
            threading.Thread(target=self._pump, args=(a, b, reply), daemon=True).start()

    @staticmethod
    def end(s):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()

    def reset(self):
        with self.proxy.lock:
            self.proxy.pairs.discard(self)
        _reset(self.client)
        self.end(self.server)

    def _pump(self, a, b, reply):
        try:
            while True:
                data = a.recv(_CHUNK)
                if not data:
                    break
                self._carry(data, b, reply)
        except OSError:
            pass
        if not self.deaf:
            self.reset() if self.proxy.mode == 'reset' else self._close()

    def _close(self):
        with self.proxy.lock:
            self.proxy.pairs.discard(self)
        self.end(self.client)
        self.end(self.server)

    def _carry(self, data, b, reply):
        p = self.proxy
        while p.mode == 'black_hole' or self.deaf:
            if not p.open:
                return
            time.sleep(0.01)
        mode, value = p.mode, p.value
        if mode == 'lose_replies' and reply:
            p.lost += len(data)
            time.sleep(value)
            self.reset()
            raise OSError('reset')
        if mode == 'delay':
            time.sleep(value)
        elif mode == 'throttle':
            for i in range(0, len(data), max(1, int(value / 20))):
                part = data[i:i + max(1, int(value / 20))]
                b.sendall(part)
                p.passed += len(part)
                if p.mode == 'throttle':
                    time.sleep(len(part) / value)
            return
        elif mode == 'bytes':
            for i in range(len(data)):
                if p.mode != 'bytes':
                    b.sendall(data[i:])
                    break
                b.sendall(data[i:i + 1])
            p.passed += len(data)
            return
        b.sendall(data)
        p.passed += len(data)


def _reset(s):
    """closes with RST"""
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        s.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    s.close()
