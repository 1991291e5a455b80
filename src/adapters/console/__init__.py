"""The web console: pages for people, made from what the platform's own API answers."""
