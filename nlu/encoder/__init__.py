"""The small encoder, and how it is tuned."""
