"""The page kit: what the pages of all providers are made of. Nothing here is imported before a page is asked for."""

STATIC = "/_pages"  # where the files of the kit and of the providers' pages are served
BY_SCRIPT = "X-Page-Script"  # a header of what pages ask by themselves
