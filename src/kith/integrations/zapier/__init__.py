"""What a Zap posts to us: a contact, with what it agreed to."""
