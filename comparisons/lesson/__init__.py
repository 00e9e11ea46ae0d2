"""The lesson: one page that shows what backpropagation is, how it is computed and why it works."""
