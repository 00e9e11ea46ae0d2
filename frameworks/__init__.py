"""The same training in each library's own idiom."""
