"""The ways in: topics and the profiles by which what comes there is read."""

from fumewatch.config.profiles import default
from fumewatch.config.tree import Config
from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.sources import Sources
from fumewatch.core.topic import Pattern


def sources(config: Config) -> Sources:
    """Topics of [mqtt] and of each [[profile]]; what no profile takes is the default one's."""
    mqtt = config.mqtt
    decoders = [Decoder(profile) for profile in (*config.profile, default())]
    return Sources(Pattern.parse(mqtt.topic), Pattern.parse(mqtt.status_topic), decoders)
