"""The whatsapp context in SQL."""
