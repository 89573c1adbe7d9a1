"""Other people's formats and ours: one folder for each system."""
