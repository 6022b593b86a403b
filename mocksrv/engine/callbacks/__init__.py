"""Callbacks: what is owed to whom, and how it is sent. The only package that uses the network."""
