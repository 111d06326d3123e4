"""Where the images come from: one source a file."""
