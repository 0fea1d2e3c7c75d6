"""The advisory locks of a database, all in one place: two with one number would be one lock.

Who takes several takes them in this order: STORE, TURN, ACTIONS, RECORD.
"""

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    MIGRATE = 0x66756D65_0001
    DAYS = 0x66756D65_0002
    """Of who makes partitions; taken by migration 0007's functions."""
    LEAD = 0x66756D65_0003
    """Held by the leader, on a connection of its own."""
    TURN = 0x66756D65_0004
    """Of who judges and tells, for a transaction."""
    RECORD = 0x66756D65_0005
    """Of who appends to the chained record; taken by migration 0006's trigger."""
    STORE = 0x66756D65_0006
    """Of who stores readings, for a transaction."""
    ACTIONS = 0x66756D65_0007
    """Of who appends actions, for a transaction."""
    LOGIN = 0x66756D65_0008
    """Of who counts a try to log in with one name, for a transaction; of two keys, see there."""
