"""fumewatch: preventive supervision of restaurant oil fume."""

__version__ = "0.1.0"
