"""Where everything is kept. The only package that speaks SQL."""
