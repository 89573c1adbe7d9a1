"""Shops as their vendors document them: real HTTP on this machine, as strict as they are."""
