"""The page kit: what the pages of all providers are made of. Nothing here is imported before a page is asked for."""
