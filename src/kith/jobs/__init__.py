"""Work that leaves the process, now or later."""
