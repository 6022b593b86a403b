"""Accounts and what happens on them."""
