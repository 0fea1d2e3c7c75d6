"""Deliver: due outbox rows out to their receivers, at least once, each receiver at its own pace.

One loop claims rows under a lease and hands them to the desks of their receivers; a desk's threads
send them one by one, outside of any transaction, and settle each: sent, due again later, or failed
for good. A kill between sending and settling lets the lease run out, and the row is sent again with
the same key. The claim sees to it that a later notification of an alert waits for an earlier one.
What a receiver cannot take at its pace is merged into one message first.
"""

from fumewatch.deliver.decide import DeliverSettings, decide, rest_for
from fumewatch.deliver.deliverer import Deliverer
from fumewatch.deliver.desk import Terms
from fumewatch.deliver.ping import pinging
from fumewatch.deliver.thread import delivering
from fumewatch.deliver.watch import DeadMan

__all__ = [
    "DeadMan",
    "DeliverSettings",
    "Deliverer",
    "Terms",
    "decide",
    "delivering",
    "pinging",
    "rest_for",
]
