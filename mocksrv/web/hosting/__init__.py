"""Serving the application: an event loop of one's own, under gunicorn where that runs."""
