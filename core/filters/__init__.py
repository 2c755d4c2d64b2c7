"""What filters of a request mean, as typed values."""
