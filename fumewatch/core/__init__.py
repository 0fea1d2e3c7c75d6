"""The pure core: values and decisions. No I/O, clock, logging, threads or randomness."""
