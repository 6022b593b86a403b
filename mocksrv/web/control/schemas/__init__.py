"""The queries, bodies and answers of the control calls, each declared once. Imported when first needed."""
