"""What a live kernel has of Cellar's: its store, what it computes and what it spends."""
