"""A stock paho subscriber that does nothing with what comes; it counts, to know when it is done.

Usage: stock_paho.py PORT COUNT
"""

import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

port, left = int(sys.argv[1]), int(sys.argv[2])


def on_connect(*_: object) -> None:
    client.subscribe("fume/+/+/up", 1)


def on_message(*_: object) -> None:
    global left
    left -= 1
    if not left:
        print("done", time.time(), flush=True)


client = mqtt.Client(CallbackAPIVersion.VERSION2, "stock-paho", protocol=mqtt.MQTTv5)
client.on_connect = on_connect
client.on_message = on_message
client.connect("127.0.0.1", port)
client.loop_forever()
