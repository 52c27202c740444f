"""What leaves the cache, in what order, and how it is carried out without holding anybody up."""
