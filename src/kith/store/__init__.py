"""The only SQL. One file per noun; `database.py` opens either engine."""
