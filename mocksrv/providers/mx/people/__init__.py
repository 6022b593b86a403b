"""Users, their members, and what these do."""
