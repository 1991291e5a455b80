"""Numbers, messages, webhooks and conversations: the one door to Meta."""
