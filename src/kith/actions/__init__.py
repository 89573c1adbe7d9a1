"""What the product does. One function is one transaction; it awaits its `Tx` and nothing else."""
