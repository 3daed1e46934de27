"""Data for cross-lingual transfer, by named transforms. See `job`."""
