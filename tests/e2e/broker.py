#!/usr/bin/env python3
"""The starter of a real Apache Kafka, tests/kafka/broker."""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit('/', 1)[0] + '/lib')
from glintlib import *
import socket


@case
def shared_broker_listens(t):
    'The real Kafka broker that the tests share takes connections.'
    host, port = t.kafka().split(',')[0].rsplit(':', 1)
    socket.create_connection((host, int(port)), 5).close()


@case
def broker_comes_back(t):
    'A broker of its own comes back on its port, with its data, after a kill -9.'
    kafka = t.own_kafka()
    first = kafka.address
    with open(os.path.join(kafka.folder, 'data/meta.properties')) as f:
        cluster = f.read()
    kafka.stop('KILL')
    port = int(first.rsplit(':', 1)[1])
    with socket.socket() as s:
        assert s.connect_ex(('127.0.0.1', port)) != 0, 'something still listens'
    assert kafka.start().address == first
    with open(os.path.join(kafka.folder, 'data/meta.properties')) as f:
        assert f.read() == cluster


main()
