"""Twelve wrong layers as people write them for courses: one mistake each, told in its first line.

They can be run: ``bpcheck check conv2d properties/students/crop.py --profile quick``.
"""
