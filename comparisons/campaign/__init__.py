"""Many problems at once: tasks, the processes that run them, the table of what came of them."""
