"""Sources of truth: torch autograd, and finite differences of the subject's own forward."""
