#!/usr/bin/env python3
"""Our decoder beside fastavro and Avro C, on random schemas and values, evolution included.

usage: decode_differential.py [--schemas N] [--records N] [--seed S]     (build folder in GLINT_BUILD, default build)

For each of the four topics it makes writers' schemas from ours: fields in another order, left out, under an alias, of another type
that promotes, in unions with null or with a type that does not fit, enum symbols moved and added, fields of strange types (nested,
recursive) between them, and for some schemas fields moved into nested records and mapped. Records are written by the generator
itself, in blocks of all kinds. Expected is what fastavro reads with our schema as the reader's, turned into our units; what fastavro
cannot resolve must be refused. Avro C reads the same bytes with the writer's schema, which it does right. Canonical forms and
fingerprints are compared too. It runs itself again in the tests' venv (tests/venv.sh) and prints TAP lines.
"""
import argparse
import io
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, '../..')
SENTENCES = ['Random records of evolved schemas are read as fastavro reads them.',
             'Random records are read as Avro C reads them with the schema of the writer.',
             'Canonical forms and fingerprints of random schemas are those of fastavro.']
try:
    import fastavro
    from fastavro.schema import fingerprint, to_parsing_canonical_form
except ImportError:
    venv = subprocess.run([os.path.join(HERE, '../venv.sh')], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if venv.returncode != 0:
        for sentence in SENTENCES:
            print('ok - %s # SKIP %s' % (sentence, (venv.stderr.strip().splitlines() or ['no environment'])[-1]))
        sys.exit(0)
    os.execv(venv.stdout.strip(), [venv.stdout.strip(), '-B'] + sys.argv)

KINDS = ['click', 'purchase', 'review', 'item']
OURS = {kind: json.load(open(os.path.join(TOP, 'schemas', kind + '.avsc'))) for kind in KINDS}
FREE_TEXTS = {'query', 'text', 'title', 'value'}
REQUIRED_MAY_BE_EMPTY = {'category'}
MICROS = {'type': 'long', 'logicalType': 'timestamp-micros'}


def varint(n):
    n = n << 1 ^ n >> 63
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def sized(data):
    return varint(len(data)) + data


def blocks(rng, items):
    """an array or map of encoded items, in one to three blocks, with or without their sizes"""
    out = b''
    while items:
        n = rng.randint(1, len(items))
        body, items = b''.join(items[:n]), items[n:]
        out += varint(-n) + sized(body) if rng.random() < .4 else varint(n) + body
        n = 0
    return out + b'\0'


def letters(rng, n, free):
    pools = ['abcdefghijklmnopqrstuvwxyzABC 0123456789-_.:/{}"\\', '\u00e9\u00fc\u00df\u0416\u05d0', '\u4e2d\u6587\u3042', '\U0001f600\U00010348\uffff']
    if free:
        pools.append('\n\t\x01\x7f\x85')
    weights = rng.choice([[1, 0, 0, 0, 0], [6, 1, 1, 1, 1], [1, 0, 8, 1, 1]])[:len(pools)]
    return ''.join(rng.choice(rng.choices(pools, weights)[0]) for _ in range(n))


class Strange:
    """random types for fields that we do not read, and bytes of them"""

    def __init__(self, rng, outer=None):
        self.rng, self.defined = rng, []  # defined: what may be named again, in the same record
        self.by_name = outer.by_name if outer else {}

    def name(self):
        return 'X%d' % len(self.by_name)

    def type(self, depth=0):
        rng = self.rng
        kinds = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] * 2
        if depth < 3:
            kinds += ['record', 'enum', 'fixed', 'array', 'map', 'union', 'again', 'list', 'logical'] * 2
        kind = rng.choice(kinds)
        if kind == 'again':
            return rng.choice(self.defined) if self.defined else 'string'
        if kind == 'logical':
            return rng.choice([{'type': 'int', 'logicalType': 'date'}, {'type': 'string', 'logicalType': 'uuid'}, MICROS,
                               {'type': 'bytes', 'logicalType': 'decimal', 'precision': 9, 'scale': 2}])
        if kind in ('enum', 'fixed', 'record', 'list'):
            name, space = self.name(), rng.choice([None, None, 'shop.inner'])
            made = self.by_name[name] = {'type': kind if kind != 'list' else 'record', 'name': name, 'doc': 'x'}
            if space:
                made['namespace'] = space
            if kind == 'enum':
                made['symbols'] = ['S%d' % i for i in range(rng.randint(1, 5))]
                if rng.random() < .3:
                    made['default'] = 'S0'
            elif kind == 'fixed':
                made['size'] = rng.choice([0, 1, 3, 16])
            elif kind == 'list':
                made['fields'] = [{'name': 'v', 'type': 'int'}, {'name': 'next', 'type': ['null', name], 'default': None},
                                  {'name': 'all', 'type': {'type': 'array', 'items': name}}]
            else:
                made['fields'] = [{'name': 'f%d' % i, 'type': self.type(depth + 1)} for i in range(rng.randint(0, 4))]
            if not space and depth == 0:
                self.defined.append('glint.' + name)
            return made
        if kind == 'array':
            return {'type': 'array', 'items': self.type(depth + 1)}
        if kind == 'map':
            return {'type': 'map', 'values': self.type(depth + 1)}
        if kind == 'union':
            branches = rng.sample(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'], rng.randint(1, 4))
            if rng.random() < .5:
                branch = self.type(3 if rng.random() < .5 else depth + 1)
                if isinstance(branch, dict) and branch['type'] in ('record', 'enum', 'fixed', 'array', 'map'):
                    branches.insert(rng.randint(0, len(branches)), branch)
            return branches
        return kind

    def value(self, type_, depth=0):
        rng = self.rng
        if isinstance(type_, list):
            small = [i for i, t in enumerate(type_) if t == 'null']
            i = small[0] if small and depth > 6 else rng.randrange(len(type_))
            return varint(i) + self.value(type_[i], depth + 1)
        kind = type_['type'] if isinstance(type_, dict) else type_
        if kind == 'null':
            return b''
        if kind == 'boolean':
            return bytes([rng.randrange(2)])
        if kind == 'int':
            if isinstance(type_, dict):
                return varint(rng.randrange(0, 20000))  # a date that Python has
            return varint(rng.choice([0, -1, 2**31 - 1, -2**31, rng.randrange(-1000, 1000)]))
        if kind == 'long':
            if isinstance(type_, dict):
                return varint(rng.randrange(0, 10**15))
            return varint(rng.choice([0, -1, 2**63 - 1, -2**63, rng.randrange(-10**12, 10**12)]))
        if kind == 'float':
            return struct.pack('<f', rng.uniform(-1e6, 1e6))
        if kind == 'double':
            return struct.pack('<d', rng.uniform(-1e9, 1e9))
        if kind == 'bytes':
            return sized(rng.randbytes(rng.choice([0, 1, 3]) if isinstance(type_, dict) else rng.choice([0, 1, 7, 40])))
        if kind == 'string':
            if isinstance(type_, dict):
                return sized(b'6f1c2f0e-8b0a-4d3c-9d2e-0123456789ab')
            return sized(letters(rng, rng.choice([0, 1, 5, 30]), True).encode())
        if kind == 'enum':
            return varint(rng.randrange(len(type_['symbols'])))
        if kind == 'fixed':
            return rng.randbytes(type_['size'])
        if kind == 'array':
            n = 0 if depth > 6 else rng.choice([0, 0, 1, 2, 5])
            return blocks(rng, [self.value(type_['items'], depth + 2) for _ in range(n)])
        if kind == 'map':
            n = 0 if depth > 6 else rng.choice([0, 1, 3])
            return blocks(rng, [sized(b'k%d' % i) + self.value(type_['values'], depth + 2) for i in range(n)])
        if kind == 'record':
            return b''.join(self.value(f['type'], depth + 1) for f in type_['fields'])
        return self.value(self.by_name[kind.split('.')[-1]], depth)


class Field:
    """one of our fields as a writer may have it: a type, and a maker of values of it"""

    def __init__(self, rng, strange, ours, writers=True):
        self.name, self.rng, self.strange = ours['name'], rng, strange
        self.required = 'default' not in ours
        self.as_written = self.name
        self.micros = False
        type_ = ours['type'][1] if isinstance(ours['type'], list) else ours['type']
        base, self.make = self.base(type_, ours)
        other = 'boolean' if base != 'boolean' else 'string'
        shapes = [[base]] * 4 + [['null', base], [base, 'null']] * 3 + [['null', other, base], [base, other]]
        if self.name == 'kind':
            shapes = [[base], [base, other]]
        self.shape = rng.choice(shapes)
        self.base_index = self.shape.index(base)
        self.type = base if len(self.shape) == 1 else self.shape

    def base(self, type_, ours):
        rng, name = self.rng, self.name
        if type_ == 'string' and name == 'currency':
            return rng.choice(['string', 'bytes']), lambda: sized(rng.choice([b'EUR', b'USD', b'JPY']))
        if type_ == 'string':
            free = name in FREE_TEXTS
            least = 0 if free or not self.required or name in REQUIRED_MAY_BE_EMPTY else 1
            return (rng.choice(['string', 'string', 'bytes', {'type': 'string', 'avro.java.string': 'String'}]),
                    lambda: sized(letters(rng, max(least, rng.choice([0, 1, 2, 5, 8, 15, 16, 17, 40])), free).encode()))
        if type_ == 'boolean':
            return 'boolean', lambda: bytes([rng.randrange(2)])
        if type_ == 'float':
            kind = rng.choice(['int', 'long', 'float', 'double'])
            if kind in ('int', 'long'):
                return kind, lambda: varint(rng.randint(1, 5))
            return kind, lambda: struct.pack('<f' if kind == 'float' else '<d', rng.uniform(.5, 5))
        if isinstance(type_, dict) and type_.get('logicalType'):
            made = rng.choice(['long', type_, MICROS])
            self.micros = made is MICROS
            return made, lambda: varint(rng.randrange(1000, 2 * 10**15 if self.micros else 2 * 10**12))
        if type_ in ('int', 'long'):
            low = -10**6 if name == 'unit_price_minor' else 0
            return rng.choice(['int', 'long']), lambda: varint(rng.randrange(low, 10**6 if 'minor' in name else 1000))
        if type_['type'] == 'enum':
            symbols = rng.sample(type_['symbols'], rng.randint(1, len(type_['symbols'])))
            if rng.random() < .5:
                symbols.insert(rng.randint(0, len(symbols)), 'SOMETHING_ELSE')
            made = {'type': 'enum', 'name': type_['name'], 'symbols': symbols}
            return made, lambda: varint(rng.randrange(len(symbols)))
        if type_['type'] == 'map':
            values = rng.choice(['string', 'bytes'])
            return {'type': 'map', 'values': values}, lambda: blocks(
                rng, [sized(b'n%d' % i) + sized(letters(rng, rng.randint(0, 20), True).encode()) for i in range(rng.randint(0, 6))])
        record = Record(rng, Strange(rng, self.strange), type_['items'])
        return {'type': 'array', 'items': record.schema()}, lambda: blocks(rng, [record.bytes() for _ in range(rng.choice([0, 1, 2, 9]))])

    def value(self):
        if len(self.shape) == 1:
            return self.make()
        i = self.base_index if self.rng.random() < .6 + .35 * self.required else self.rng.randrange(len(self.shape))
        return varint(i) + (self.make() if i == self.base_index else self.strange.value(self.shape[i]))

    def schema(self):
        return {'name': self.as_written, 'type': self.type}


class Alien:
    required = False

    def __init__(self, strange, i):
        self.strange, self.type, self.as_written, self.name = strange, strange.type(), 'strange_%d' % i, None

    def value(self):
        return self.strange.value(self.type)

    def schema(self):
        return {'name': self.as_written, 'type': self.type}


class Record:
    """a writer's record of one of our kinds"""

    def __init__(self, rng, strange, ours):
        self.rng, self.ours = rng, ours
        self.fields = []
        for field in ours['fields']:
            made = Field(rng, strange, field)
            if field.get('aliases') and rng.random() < .3:
                made.as_written = field['aliases'][0]
            if made.required or rng.random() < .75:
                self.fields.append(made)
        rng.shuffle(self.fields)
        # named types are defined where they come first: places are drawn first, in order
        places = sorted(rng.randint(0, len(self.fields)) for _ in range(rng.choice([0, 1, 3, 6])))
        for i, place in enumerate(places):
            self.fields.insert(place + i, Alien(strange, i))

    def schema(self):
        made = {'type': 'record', 'name': self.ours['name'], 'fields': [f.schema() for f in self.fields]}
        if 'namespace' in self.ours:
            made['namespace'] = self.ours['namespace']
        return made

    def values(self):
        return [f.value() for f in self.fields]

    def bytes(self):
        return b''.join(self.values())


def wide(type_):
    """our schema as fastavro's reader: as wide as glint reads (long into int and double into float), plain numbers for times"""
    if isinstance(type_, list):
        return [wide(t) for t in type_]
    if isinstance(type_, dict):
        if type_.get('type') in ('long', 'int', 'bytes', 'string'):
            return wide(type_['type'])
        return {k: [dict(f, type=wide(f['type'])) for f in v] if k == 'fields' else wide(v) if k in ('items', 'values', 'type') else v
                for k, v in type_.items() if k != 'logicalType'}
    return {'int': 'long', 'float': 'double'}.get(type_, type_)


def plain(type_):
    """the writer's schema without logical types"""
    if isinstance(type_, list):
        return [plain(t) for t in type_]
    if isinstance(type_, dict):
        return {k: [dict(f, type=plain(f['type'])) for f in v] if k == 'fields' else plain(v) if k in ('items', 'values', 'type') else v
                for k, v in type_.items() if k != 'logicalType'}
    return type_


def in_our_units(datum, ours, micros):
    """fastavro's record as print_events prints ours"""
    out = {}
    for field in ours['fields']:
        name, value = field['name'], datum[field['name']]
        if name in ('ts', 'first_seen') and value is not None and name in micros:
            value //= 1000
        elif name == 'rating':
            value = 0 if value is None else math.floor(value * 1000 + .5)
        elif name == 'lines':
            value = [in_our_units(line, field['type']['items'], ()) for line in value]
        elif name == 'attributes':
            value = sorted([k, v] for k, v in (value or {}).items())
        elif name == 'discount_minor':
            value = value or 0
        elif value == '' and name not in FREE_TEXTS:
            value = None
        out[name] = value
    return out


def nest(rng, record):
    """moves some fields into a nested record, perhaps null; returns (schema, assemble, maps, moved)"""
    fields = [f for f in record.fields if f.name]
    moved = rng.sample(fields, rng.randint(1, min(4, len(fields))))
    moved = [f for f in record.fields if f in moved]
    rest = [f for f in record.fields if f not in moved]
    inner = {'type': 'record', 'name': 'Inside', 'fields': [{'name': 'here', 'type': {'type': 'record', 'name': 'Deeper', 'fields': [
        {'name': 'in_%s' % f.name, 'type': f.type} for f in moved] + [{'name': 'more', 'type': 'string'}]}}, {'name': 'n', 'type': 'long'}]}
    nullable = rng.random() < .5
    outer = {'name': 'inside', 'type': ['null', inner] if nullable else inner}
    at = rng.randint(0, len(rest)) if not any(isinstance(f, Alien) for f in rest) else len(rest)
    schema = record.schema()
    schema['fields'] = [f.schema() for f in rest[:at]] + [outer] + [f.schema() for f in rest[at:]]
    maps = {f.name: 'inside.here.in_%s' % f.name for f in moved}

    def assemble(values):
        by_field = dict(zip(record.fields, values))
        absent = nullable and rng.random() < .2
        inside = b''.join(by_field[f] for f in moved) + sized(b'more') + varint(7)
        middle = b'\0' if absent else b'\2' * nullable + inside
        return b''.join(by_field[f] for f in rest[:at]) + middle + b''.join(by_field[f] for f in rest[at:]), absent
    return schema, assemble, maps, moved


def moves_definitions(record):
    """a named type that is used again must stay behind its definition"""
    return any(isinstance(f, Alien) for f in record.fields)


def same_as_avro_c(event, value, writer):
    """compares what Avro C read; returns (compared, differing names)"""
    compared, wrong = 0, []
    types = {f['name']: f['type'] for f in writer['fields']}
    for name, type_ in types.items():
        if name not in event or name in ('rating', 'attributes', 'lines', 'ts', 'first_seen', 'discount_minor'):
            continue
        got = value[name]
        if isinstance(type_, list):
            if isinstance(got, dict):
                (branch, got), = got.items()
            else:
                branch = 'null'
        else:
            branch = type_ if isinstance(type_, str) else type_['type']
        if branch == 'bytes':
            continue
        if got == '' and name not in FREE_TEXTS or (branch == 'null' and name == 'kind'):
            got = event[name]
        compared += 1
        if got != event[name]:
            wrong.append((name, got, event[name]))
    return compared, wrong


def verdict(sentence, good):
    print('%s - %s' % ('ok' if good else 'not ok', sentence))
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--schemas', type=int, default=300)
    parser.add_argument('--records', type=int, default=10)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    tool = os.path.join(os.environ.get('GLINT_BUILD', 'build'), 'tests/decode/print_events')
    requests, expected, writers = [], [], []
    seen = {'read': 0, 'refused': 0, 'mapped': 0}
    folder = tempfile.TemporaryDirectory(prefix='glint-ids-')
    for i in range(args.schemas):
        kind = KINDS[i % 4]
        strange = Strange(rng)
        record = Record(rng, strange, OURS[kind])
        writer = record.schema()
        mapped = rng.random() < .7 and not moves_definitions(record)
        schema, assemble, maps, moved = nest(rng, record) if mapped else (writer, None, {}, [])
        micros = {f.name for f in record.fields if f.name and f.micros}
        text = json.dumps(schema)
        canonical = to_parsing_canonical_form(schema)
        print_of = int.from_bytes(bytes.fromhex(fingerprint(canonical, 'CRC-64-AVRO')), 'little')
        framing = rng.choice(['bare', 'bare', 'single', 'confluent', 'auto-single', 'auto-confluent'])
        header = b''
        request = {'kind': kind, 'framing': framing.split('-')[0], 'schema': text, 'ids_folder': None, 'maps': maps}
        if 'single' in framing:
            header = b'\xc3\x01' + print_of.to_bytes(8, 'little')
        elif 'confluent' in framing:
            header = b'\0' + (1000000 + i).to_bytes(4, 'big')
            with open(os.path.join(folder.name, '%d.avsc' % (1000000 + i)), 'w') as f:
                f.write(text)
            request.update(schema=None, writer=text, ids_folder=folder.name)
        by_writer, by_us = fastavro.parse_schema(plain(writer)), fastavro.parse_schema(wide(OURS[kind]))
        check = fastavro.parse_schema(plain(schema))
        records, wants = [], []
        for _ in range(args.records):
            values = record.values()
            flat, absent = b''.join(values), False
            data = flat
            if mapped:
                data, absent = assemble(values)
                whole = io.BytesIO(data)
                fastavro.schemaless_reader(whole, check)
                assert not whole.read(1)
            try:
                datum = fastavro.schemaless_reader(io.BytesIO(flat), by_writer, by_us)
                want = in_our_units(datum, OURS[kind], micros)
                if absent:
                    if any(f.required for f in moved):
                        want = None
                    else:
                        default = {'rating': 0, 'discount_minor': 0, 'attributes': [], 'kind': 'ORDER'}
                        want.update({f.name: default.get(f.name) for f in moved})
                if want and kind == 'review' and not (want['item_id'] or want['brand'] or want['campaign_id']):
                    want = None
            except (fastavro.read.SchemaResolutionError, TypeError):
                if absent:
                    continue  # what could not be read may be what is absent
                want = None
            records.append((header + data).hex())
            wants.append(want)
            seen['mapped'] += mapped
        requests.append(dict(request, records=records, header=len(header)))
        expected.append(wants)
        writers.append((schema, canonical, print_of))
    run = subprocess.run([tool], input=''.join(json.dumps(r) + '\n' for r in requests), stdout=subprocess.PIPE, text=True, check=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(requests)
    wrong, forms, others, compared = [], [], [], 0
    for request, wants, (schema, canonical, print_of), answer in zip(requests, expected, writers, answers):
        text = request['schema'] or request['writer']
        if 'error' in answer:
            # an enum of which we know no symbol cannot be used at all: then fastavro can read no record either
            if not (re.search('none of the symbols', answer['error']) and not any(wants)):
                wrong.append((text, answer['error'], ''))
            continue
        if answer['canonical'] != canonical or int(answer['fingerprint'], 16) != print_of:
            forms.append((canonical, answer['canonical']))
        for event, want, value, data in zip(answer['events'], wants, answer['avro_c'], request['records']):
            if 'attributes' in event:
                event['attributes'] = sorted(event['attributes'])
            got = None if 'refused' in event else event
            seen['read' if want else 'refused'] += 1
            if got != want:
                wrong.append((text + '\n#   ' + data, want, event))
            elif got and not request['maps'] and value is not None:
                n, bad = same_as_avro_c(event, value, schema)
                compared += n
                others += [(text, b) for b in bad]
    for text, want, got in wrong[:5]:
        print('# schema %s\n#   expected %s\n#   ours     %s' % (text, want, got))
    for each in (forms + others)[:5]:
        print('#', *each)
    print('# %d schemas, %d records to be read (%d mapped), %d to be refused, %d fields beside Avro C' %
          (len(requests), seen['read'], seen['mapped'], seen['refused'], compared))
    good = verdict(SENTENCES[0], not wrong and seen['read'] > seen['refused'] > 0)
    good &= verdict(SENTENCES[1], not others and compared > seen['read'])
    good &= verdict(SENTENCES[2], not forms)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
