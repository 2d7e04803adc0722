"""What each task does: one module per task, imported when it runs."""
