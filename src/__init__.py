"""tidings: the platform on which a business runs its WhatsApp."""
