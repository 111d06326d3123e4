"""A run as one file that anybody can open, with everything that it claims and nothing to be fetched."""
