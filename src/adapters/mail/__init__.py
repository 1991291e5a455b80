"""Mail: over SMTP, or into a folder when there is no mail server."""
