"""Suites that an adapter of yours must pass to stand where one of ours does: subclass them under pytest."""
