"""MX's pages: the Connect widget, the bank's page of an OAuth login, and MX's page at its end."""
