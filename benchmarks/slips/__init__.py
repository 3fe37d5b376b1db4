"""Right kernels as people write them, and slips that are planted into their source."""
