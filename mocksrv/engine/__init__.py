"""The engine: time, records, scenarios and webhooks. It knows no provider and no web framework."""
