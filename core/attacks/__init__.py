"""Ways to poison a training set: one method a file."""
