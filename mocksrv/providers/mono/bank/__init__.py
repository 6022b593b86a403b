"""Mono's banks: institutions, people, and what a data profile is at them."""
