"""Ways to stand against poison: one method a file."""
