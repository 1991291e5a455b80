"""Deliberate faults in the engine, each of which the harness must find (`make mutants`)."""
