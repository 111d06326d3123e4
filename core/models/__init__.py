"""Small image classifiers: one family a file."""
