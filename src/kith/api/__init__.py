"""The HTTP door: it translates, it does not decide."""
