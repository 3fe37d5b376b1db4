"""Hand-written forward and backward passes of a convolutional network, in NumPy alone.

Each module gives ``forward(operands, **params) -> (y, residuals)`` and
``vjp(residuals, y_bar) -> cotangents of the operands``; the docstring of each vjp derives it.
"""
