"""What is asked of code on tensors beside its values: one file for each row."""
