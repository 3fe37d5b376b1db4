"""Hand-written forward and backward passes, in NumPy alone: of a CNN, and of what others need.

Each module gives ``forward(operands, **params) -> (y, residuals)`` and
``vjp(residuals, y_bar) -> cotangents of the operands``; the docstring of each vjp derives it.
"""
