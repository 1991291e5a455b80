"""The property-based harness that users run against their own adapters."""
