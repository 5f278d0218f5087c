"""Avro records by hand, for bytes that no encoder would make: after the specification's binary encoding, nothing of glint's."""


def long(n):
    z = (n << 1) ^ (n >> 63)
    z &= (1 << 64) - 1
    out = bytearray()
    while z > 0x7f:
        out.append(z & 0x7f | 0x80)
        z >>= 7
    out.append(z)
    return bytes(out)


def text(s):
    b = s if isinstance(s, bytes) else s.encode()
    return long(len(b)) + b


def maybe(s):
    return long(0) if s is None else long(1) + text(s)


def click(event_id, ts, user, action=1, item=None, query=None):
    """bare, with schemas/click.avsc; action: index into its enum (1 = VIEW)"""
    return (text(event_id) + long(ts) + text(user) + long(action) + maybe(None) + maybe(item) + maybe(None) + maybe(query) + long(0) * 7)


def review(event_id, ts, user, words, item='item-001', rating=None):
    import struct
    stars = long(0) if rating is None else long(1) + struct.pack('<f', rating)
    return text(event_id) + long(ts) + text(user) + text(words) + maybe(item) + maybe(None) * 2 + stars + maybe(None) * 3
