"""What glintctl does not do on purpose, for tests: topics with odd settings, records with any key, value and partitioner.

Through librdkafka's C interface, which the build needs anyway, so that no Python package is needed.
"""
import collections
import ctypes
import time

_lib = ctypes.CDLL('librdkafka.so.1')
_pointer, _text, _int, _size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
for _name, _result, _arguments in (
        ('conf_new', _pointer, []),
        ('conf_set', _int, [_pointer, _text, _text, _text, _size]),
        ('new', _pointer, [_int, _pointer, _text, _size]),
        ('destroy', None, [_pointer]),
        ('flush', _int, [_pointer, _int]),
        ('poll', _int, [_pointer, _int]),
        ('outq_len', _int, [_pointer]),
        ('topic_new', _pointer, [_pointer, _text, _pointer]),
        ('topic_destroy', None, [_pointer]),
        ('produce', _int, [_pointer, ctypes.c_int32, _int, _pointer, _size, _pointer, _size, _pointer]),
        ('last_error', _int, []),
        ('err2str', _text, [_int]),
        ('NewTopic_new', _pointer, [_text, _int, _int, _text, _size]),
        ('NewTopic_set_config', _int, [_pointer, _text, _text]),
        ('NewTopic_destroy', None, [_pointer]),
        ('CreateTopics', None, [_pointer, _pointer, _size, _pointer, _pointer]),
        ('NewPartitions_new', _pointer, [_text, _size, _text, _size]),
        ('NewPartitions_destroy', None, [_pointer]),
        ('CreatePartitions', None, [_pointer, _pointer, _size, _pointer, _pointer]),
        ('ConfigResource_new', _pointer, [_int, _text]),
        ('ConfigResource_set_config', _int, [_pointer, _text, _text]),
        ('ConfigResource_destroy', None, [_pointer]),
        ('AlterConfigs', None, [_pointer, _pointer, _size, _pointer, _pointer]),
        ('DeleteTopic_new', _pointer, [_text]),
        ('DeleteTopic_destroy', None, [_pointer]),
        ('DeleteTopics', None, [_pointer, _pointer, _size, _pointer, _pointer]),
        ('DeleteRecords_new', _pointer, [_pointer]),
        ('DeleteRecords_destroy', None, [_pointer]),
        ('DeleteRecords', None, [_pointer, _pointer, _size, _pointer, _pointer]),
        ('queue_new', _pointer, [_pointer]),
        ('queue_destroy', None, [_pointer]),
        ('queue_poll', _pointer, [_pointer, _int]),
        ('event_error', _int, [_pointer]),
        ('event_destroy', None, [_pointer]),
        ('event_CreateTopics_result', _pointer, [_pointer]),
        ('CreateTopics_result_topics', _pointer, [_pointer, _pointer]),
        ('topic_result_error', _int, [_pointer]),
        ('mock_cluster_new', _pointer, [_pointer, _int]),
        ('mock_cluster_destroy', None, [_pointer]),
        ('mock_cluster_bootstraps', _text, [_pointer]),
        ('mock_topic_create', _int, [_pointer, _text, _int, _int]),
        ('topic_partition_list_new', _pointer, [_int]),
        ('topic_partition_list_add', _pointer, [_pointer, _text, ctypes.c_int32]),
        ('topic_partition_list_set_offset', _int, [_pointer, _text, ctypes.c_int32, ctypes.c_int64]),
        ('topic_partition_list_destroy', None, [_pointer]),
        ('commit', _int, [_pointer, _pointer, _int]),
        ('committed', _int, [_pointer, _pointer, _int]),
        ('init_transactions', _pointer, [_pointer, _int]),
        ('begin_transaction', _pointer, [_pointer]),
        ('abort_transaction', _pointer, [_pointer, _int]),
        ('error_string', _text, [_pointer]),
        ('consume_start', _int, [_pointer, ctypes.c_int32, ctypes.c_int64]),
        ('consume', _pointer, [_pointer, ctypes.c_int32, _int]),
        ('consume_stop', _int, [_pointer, ctypes.c_int32]),
        ('message_destroy', None, [_pointer]),
        ('message_headers', _int, [_pointer, _pointer]),
        ('header_get_all', _int, [_pointer, _size, _pointer, _pointer, _pointer]),
        ('subscribe', _int, [_pointer, _pointer]),
        ('poll_set_consumer', _int, [_pointer]),
        ('consumer_poll', _pointer, [_pointer, _int]),
        ('metadata', _int, [_pointer, _int, _pointer, _pointer, _int]),
        ('metadata_destroy', None, [_pointer]),
        ('query_watermark_offsets', _int, [_pointer, _text, ctypes.c_int32, _pointer, _pointer, _int])):
    _f = getattr(_lib, 'rd_kafka_' + _name)
    _f.restype, _f.argtypes = _result, _arguments

UNASSIGNED = -1
_PARTITION_EOF, _BEGINNING = -191, -2


class _Message(ctypes.Structure):
    _fields_ = [('err', _int), ('rkt', _pointer), ('partition', ctypes.c_int32), ('payload', _pointer), ('len', _size),
                ('key', _pointer), ('key_len', _size), ('offset', ctypes.c_int64), ('private', _pointer)]


class _Partition(ctypes.Structure):
    _fields_ = [('topic', _text), ('partition', ctypes.c_int32), ('offset', ctypes.c_int64), ('metadata', _pointer), ('metadata_size', _size),
                ('opaque', _pointer), ('err', _int), ('private', _pointer)]


class _Partitions(ctypes.Structure):
    _fields_ = [('cnt', _int), ('size', _int), ('elems', _pointer)]


Record = collections.namedtuple('Record', 'offset key value headers')  # bytes or None; headers a list of (name, bytes)


def _headers(message):
    headers, name, value, size = ctypes.c_void_p(), ctypes.c_char_p(), ctypes.c_void_p(), ctypes.c_size_t()
    found = []
    if not _lib.rd_kafka_message_headers(message, ctypes.byref(headers)):
        while not _lib.rd_kafka_header_get_all(headers, len(found), ctypes.byref(name), ctypes.byref(value), ctypes.byref(size)):
            found.append((name.value.decode(), ctypes.string_at(value.value, size.value) if value.value else None))
    return found


class Client:
    """a producer, or with consumer=True a client that commits; properties by keyword with _ for ."""

    def __init__(self, brokers, consumer=False, **properties):
        why = ctypes.create_string_buffer(512)
        conf = _lib.rd_kafka_conf_new()
        properties = dict({'bootstrap.servers': brokers, 'log_level': '0'}, **{k.replace('_', '.'): str(v) for k, v in properties.items()})
        for name, value in properties.items():
            name = 'log_level' if name == 'log.level' else name
            if _lib.rd_kafka_conf_set(conf, name.encode(), value.encode(), why, 512):
                raise ValueError(why.value.decode())
        self.rk = _lib.rd_kafka_new(1 if consumer else 0, conf, why, 512)
        if not self.rk:
            raise ValueError(why.value.decode())
        self.topics = {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for topic in self.topics.values():
            _lib.rd_kafka_topic_destroy(topic)
        _lib.rd_kafka_destroy(self.rk)

    def create_topic(self, name, partitions, **config):
        """config by keyword with _ for ."""
        why = ctypes.create_string_buffer(512)
        topic = ctypes.c_void_p(_lib.rd_kafka_NewTopic_new(name.encode(), partitions, 1, why, 512))
        for key, value in config.items():
            _lib.rd_kafka_NewTopic_set_config(topic, key.replace('_', '.').encode(), str(value).encode())
        queue = _lib.rd_kafka_queue_new(self.rk)
        _lib.rd_kafka_CreateTopics(self.rk, ctypes.byref(topic), 1, None, queue)
        event = _lib.rd_kafka_queue_poll(queue, 20000)
        error = _lib.rd_kafka_event_error(event)
        if not error:
            n = ctypes.c_size_t()
            results = ctypes.cast(_lib.rd_kafka_CreateTopics_result_topics(_lib.rd_kafka_event_CreateTopics_result(event), ctypes.byref(n)),
                                  ctypes.POINTER(ctypes.c_void_p))
            error = _lib.rd_kafka_topic_result_error(results[0])
        _lib.rd_kafka_event_destroy(event)
        _lib.rd_kafka_queue_destroy(queue)
        _lib.rd_kafka_NewTopic_destroy(topic)
        if error:
            raise RuntimeError('%s: %s' % (name, _lib.rd_kafka_err2str(error).decode()))

    def _admin(self, call, thing):
        """one admin request of one thing; an error of the request as a whole is raised"""
        queue = _lib.rd_kafka_queue_new(self.rk)
        call(self.rk, ctypes.byref(ctypes.c_void_p(thing)), 1, None, queue)
        event = _lib.rd_kafka_queue_poll(queue, 20000)
        error = _lib.rd_kafka_event_error(event) if event else -185
        if event:
            _lib.rd_kafka_event_destroy(event)
        _lib.rd_kafka_queue_destroy(queue)
        if error:
            raise RuntimeError(_lib.rd_kafka_err2str(error).decode())

    def add_partitions(self, topic, total):
        """the topic has so many partitions from now on"""
        why = ctypes.create_string_buffer(512)
        thing = _lib.rd_kafka_NewPartitions_new(topic.encode(), total, why, 512)
        self._admin(_lib.rd_kafka_CreatePartitions, thing)
        _lib.rd_kafka_NewPartitions_destroy(thing)

    def configure_topic(self, topic, **config):
        """all that differs from the broker's defaults, by keyword with _ for ."""
        thing = _lib.rd_kafka_ConfigResource_new(2, topic.encode())
        for key, value in config.items():
            _lib.rd_kafka_ConfigResource_set_config(thing, key.replace('_', '.').encode(), str(value).encode())
        self._admin(_lib.rd_kafka_AlterConfigs, thing)
        _lib.rd_kafka_ConfigResource_destroy(thing)

    def delete_topic(self, topic):
        thing = _lib.rd_kafka_DeleteTopic_new(topic.encode())
        self._admin(_lib.rd_kafka_DeleteTopics, thing)
        _lib.rd_kafka_DeleteTopic_destroy(thing)

    def delete_records(self, before):
        """{(topic, partition): offset}: what lies below it is gone"""
        part = _lib.rd_kafka_topic_partition_list_new(len(before))
        for (topic, partition), offset in before.items():
            _lib.rd_kafka_topic_partition_list_add(part, topic.encode(), partition)
            _lib.rd_kafka_topic_partition_list_set_offset(part, topic.encode(), partition, offset)
        thing = _lib.rd_kafka_DeleteRecords_new(part)
        self._admin(_lib.rd_kafka_DeleteRecords, thing)
        _lib.rd_kafka_DeleteRecords_destroy(thing)
        _lib.rd_kafka_topic_partition_list_destroy(part)

    def send(self, topic, value, key=None, partition=UNASSIGNED):
        """bytes; key None sends none, and value None a tombstone. Delivered by flush()"""
        if topic not in self.topics:
            self.topics[topic] = _lib.rd_kafka_topic_new(self.rk, topic.encode(), None)
        if _lib.rd_kafka_produce(self.topics[topic], partition, 2, value, len(value or b''), key, len(key or b''), None):
            raise RuntimeError(_lib.rd_kafka_err2str(_lib.rd_kafka_last_error()).decode())

    def flush(self):
        _lib.rd_kafka_flush(self.rk, 30000)
        if _lib.rd_kafka_outq_len(self.rk):
            raise RuntimeError('not delivered')

    def commit(self, offsets):
        """{(topic, partition): offset} for the client's group.id; the client must be no member of it"""
        part = _lib.rd_kafka_topic_partition_list_new(len(offsets))
        for (topic, partition), offset in offsets.items():
            _lib.rd_kafka_topic_partition_list_add(part, topic.encode(), partition)
            _lib.rd_kafka_topic_partition_list_set_offset(part, topic.encode(), partition, offset)
        error = _lib.rd_kafka_commit(self.rk, part, 0)
        _lib.rd_kafka_topic_partition_list_destroy(part)
        if error:
            raise RuntimeError(_lib.rd_kafka_err2str(error).decode())

    def committed(self, topic, partitions):
        """what the client's group.id has committed of partitions 0..partitions-1; None where nothing is"""
        part = _lib.rd_kafka_topic_partition_list_new(partitions)
        for partition in range(partitions):
            _lib.rd_kafka_topic_partition_list_add(part, topic.encode(), partition)
        error = _lib.rd_kafka_committed(self.rk, part, 10000)
        cells = ctypes.cast(_Partitions.from_address(part).elems, ctypes.POINTER(_Partition))
        found = [cells[i].offset if cells[i].offset >= 0 else None for i in range(partitions)]
        _lib.rd_kafka_topic_partition_list_destroy(part)
        if error:
            raise RuntimeError(_lib.rd_kafka_err2str(error).decode())
        return found

    def transaction(self, what):
        """'init', 'begin' or 'abort'; for a client with a transactional_id"""
        error = {'init': lambda: _lib.rd_kafka_init_transactions(self.rk, 30000), 'begin': lambda: _lib.rd_kafka_begin_transaction(self.rk),
                 'abort': lambda: _lib.rd_kafka_abort_transaction(self.rk, 30000)}[what]()
        if error:
            raise RuntimeError(_lib.rd_kafka_error_string(error).decode())

    def member_of(self, topics):
        """joins the group of its properties (consumer=True); poll() keeps it a member"""
        _lib.rd_kafka_poll_set_consumer(self.rk)
        wanted = ctypes.c_void_p(_lib.rd_kafka_topic_partition_list_new(len(topics)))
        for topic in topics:
            _lib.rd_kafka_topic_partition_list_add(wanted, topic.encode(), -1)
        error = _lib.rd_kafka_subscribe(self.rk, wanted)
        _lib.rd_kafka_topic_partition_list_destroy(wanted)
        if error:
            raise RuntimeError(_lib.rd_kafka_err2str(error).decode())

    def poll(self, ms=100):
        message = _lib.rd_kafka_consumer_poll(self.rk, ms)
        if message:
            _lib.rd_kafka_message_destroy(message)

    def read(self, topic, partition, timeout=60):
        """all committed records of it up to the end that it has now; for a client with consumer=True and enable_partition_eof='true'"""
        if topic not in self.topics:
            self.topics[topic] = _lib.rd_kafka_topic_new(self.rk, topic.encode(), None)
        rkt, found, end = self.topics[topic], [], time.monotonic() + timeout
        high = self.bounds(topic, partition)[1]
        if _lib.rd_kafka_consume_start(rkt, partition, _BEGINNING):
            raise RuntimeError(_lib.rd_kafka_err2str(_lib.rd_kafka_last_error()).decode())
        try:
            while time.monotonic() < end:
                pointer = _lib.rd_kafka_consume(rkt, partition, 200)
                if not pointer:
                    continue
                m = _Message.from_address(pointer)
                try:
                    if m.err == _PARTITION_EOF or not m.err and m.offset >= high:
                        return found
                    if m.err:
                        raise RuntimeError(_lib.rd_kafka_err2str(m.err).decode())
                    found.append(Record(m.offset, ctypes.string_at(m.key, m.key_len) if m.key else None,
                                        ctypes.string_at(m.payload, m.len) if m.payload else None, _headers(pointer)))
                finally:
                    _lib.rd_kafka_message_destroy(pointer)
            raise RuntimeError('%s [%d] has no end within %g s' % (topic, partition, timeout))
        finally:
            _lib.rd_kafka_consume_stop(rkt, partition)

    def bounds(self, topic, partition):
        """(first offset, end)"""
        low, high = ctypes.c_int64(), ctypes.c_int64()
        error = _lib.rd_kafka_query_watermark_offsets(self.rk, topic.encode(), partition, ctypes.byref(low), ctypes.byref(high), 10000)
        if error:
            # a topic that was asked for while it was being made is remembered without its partitions: ask for all anew
            metadata = ctypes.c_void_p()
            if not _lib.rd_kafka_metadata(self.rk, 1, None, ctypes.byref(metadata), 5000):
                _lib.rd_kafka_metadata_destroy(metadata)
            raise RuntimeError(_lib.rd_kafka_err2str(error).decode())
        return low.value, high.value


class MockBroker:
    """the broker that glintd --embedded hosts, without glintd; topics: {name: partitions}"""

    def __init__(self, topics):
        self.host = Client('', socket_nagle_disable='true')
        self.cluster = _lib.rd_kafka_mock_cluster_new(self.host.rk, 1)
        for name, partitions in topics.items():
            time.sleep(0.002)  # else a request may wait a second for the cluster's thread
            if _lib.rd_kafka_mock_topic_create(self.cluster, name.encode(), partitions, 1):
                raise RuntimeError(name)
        self.address = _lib.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()

    def stop(self):
        _lib.rd_kafka_mock_cluster_destroy(self.cluster)
        self.host.__exit__()
