"""What runs on one machine when nothing is configured: SQLite, bus, cache, clock, ids."""
