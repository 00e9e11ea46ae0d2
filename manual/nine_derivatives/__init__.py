"""The lesson: a 2-2-1 network and its nine partial derivatives, one line each."""
