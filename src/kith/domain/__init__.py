"""What things are and what is allowed. Pure: no I/O, no clock, no randomness."""
