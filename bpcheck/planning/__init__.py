"""Planning: which cases a run judges, in which order."""
