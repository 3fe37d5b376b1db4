"""Worker processes: a subject may crash, hang or exit in one, and the run goes on."""
