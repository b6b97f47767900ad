"""De-identification as a pure library: text in, spans and placeholders out. Knows nothing of Django or HTTP."""
