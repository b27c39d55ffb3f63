"""From tracked runs to tables. Never imports torch."""
