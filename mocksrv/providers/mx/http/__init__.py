"""A request and its answer in MX's shapes."""
