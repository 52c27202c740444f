"""What the cache was asked for, what it answered, and why it missed."""
