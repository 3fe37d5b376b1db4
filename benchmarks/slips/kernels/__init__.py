"""The right kernels, whose text is read, changed and loaded from elsewhere."""
