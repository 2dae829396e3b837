"""What happens around training: averaging, stopping, pictures, progress. One callback per file."""
