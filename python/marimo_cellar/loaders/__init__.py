"""marimo's loaders over rows, with what answers in their place and what they clear."""
