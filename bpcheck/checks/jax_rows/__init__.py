"""What is asked of functions of JAX beside their values: their transformations."""
