"""Mono's pages: the hosted link, the widget, and what brings Mono's own package here."""
