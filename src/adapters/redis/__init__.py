"""Redis: cache, counters, live progress."""
