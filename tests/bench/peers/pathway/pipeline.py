"""Pathway's own connectors from end to end: pw.io.mqtt.read to pw.io.postgres.write.

The reader hands on payloads without their topics, so the column `monitor` stays empty.
Usage: pipeline.py PORT DATABASE [KEPT], which is a libpq string as JSON; with KEPT, a folder, it
persists what it has read and acks only then.
"""

import json
import sys

import pathway as pw

port, database, *kept = sys.argv[1:]


class Reading(pw.Schema):
    measured_at: str
    fume: float | None
    pm: float | None
    nmhc: float | None
    temperature: float | None
    humidity: float | None
    fan_on: bool | None
    fan_current: float | None
    purifier_on: bool | None
    purifier_current: float | None


readings = pw.io.mqtt.read(
    f"mqtt://127.0.0.1:{port}?client_id=pathway",
    "fume/+/+/up",
    qos=1,
    schema=Reading,
    format="json",
    autocommit_duration_ms=200,
    name="readings",
)
typed = readings.with_columns(measured_at=pw.this.measured_at.dt.strptime("%Y-%m-%dT%H:%M:%S.%f%z"))
pw.io.postgres.write(typed, json.loads(database), "pathway_reading", name="readings_out")
config = None
if kept:
    config = pw.persistence.Config(
        pw.persistence.Backend.filesystem(kept[0]), snapshot_interval_ms=200
    )
pw.run(persistence_config=config, monitoring_level=pw.MonitoringLevel.NONE)
