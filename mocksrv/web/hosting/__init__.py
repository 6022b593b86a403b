"""Serving the application: under gunicorn, or waitress where that does not run."""
