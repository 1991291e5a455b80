"""Meta's Graph API: gateway, error catalogue, webhook reader."""
