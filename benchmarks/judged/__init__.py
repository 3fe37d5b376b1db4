"""Triton kernels of packages on the index, as subjects: one short file for each package."""
