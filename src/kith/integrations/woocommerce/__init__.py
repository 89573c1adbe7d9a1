"""WooCommerce: what its webhooks are signed with, and what they say."""
