"""A Graph API of our own, faithful and offline. It stands in for Meta, not for our gateway."""
