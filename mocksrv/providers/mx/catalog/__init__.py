"""What MX knows of the world: institutions, categories, merchants."""
