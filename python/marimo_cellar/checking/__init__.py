"""What is wrong with a cache, whose it is, and how it is put right."""
