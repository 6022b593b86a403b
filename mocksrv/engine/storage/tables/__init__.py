"""The queries, a module for what belongs together."""
