"""The data of a login as Finicity shows it."""
