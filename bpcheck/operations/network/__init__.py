"""The network: a small CNN as one operation."""
