"""What MX tells: webhooks and the records that raise them."""
