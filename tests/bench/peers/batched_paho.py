"""paho and executemany, in batches of 500 or 200 ms: a careful first own solution.

paho acknowledges when the callback returns, so a reading is acked before it is committed. The
broker keeps the session for an hour.
Usage: batched_paho.py PORT DATABASE_URL
"""

import json
import queue
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

port, url = int(sys.argv[1]), sys.argv[2]
CHANNELS = (
    *("fume", "pm", "nmhc", "temperature", "humidity", "velocity"),
    *("fan_on", "fan_current", "purifier_on", "purifier_current", "quality"),
)
INSERT = f"insert into peer_reading values ({', '.join(['%s'] * (2 + len(CHANNELS)))})"
BATCH, LINGER_S = 500, 0.2

inbox: "queue.SimpleQueue[tuple[Any, ...]]" = queue.SimpleQueue()


def on_connect(*_: object) -> None:
    client.subscribe("fume/+/+/up", 1)


def on_message(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
    reading = json.loads(message.payload)
    monitor = message.topic.split("/")[2]
    inbox.put((monitor, reading["measured_at"], *(reading.get(name) for name in CHANNELS)))


def take() -> list[tuple[Any, ...]]:
    batch = [inbox.get()]
    deadline = time.monotonic() + LINGER_S
    while len(batch) < BATCH:
        try:
            batch.append(inbox.get(timeout=max(0.0, deadline - time.monotonic())))
        except queue.Empty:
            break
    return batch


def store() -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        while True:
            cursor.executemany(INSERT, take())
            connection.commit()


threading.Thread(target=store, daemon=True).start()
client = mqtt.Client(CallbackAPIVersion.VERSION2, "batched-paho", protocol=mqtt.MQTTv5)
client.on_connect = on_connect
client.on_message = on_message
session = Properties(PacketTypes.CONNECT)
session.SessionExpiryInterval = 3600
client.connect("127.0.0.1", port, clean_start=False, properties=session)
client.loop_forever()
