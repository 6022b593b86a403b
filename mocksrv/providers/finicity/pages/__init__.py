"""What of Finicity is shown in a browser: Data Connect, and the page of a bank that has a login of its own."""
