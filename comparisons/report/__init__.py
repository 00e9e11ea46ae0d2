"""A comparison to look at: records in, a folder with a page, a summary, JSON, JUnit and tables out."""
