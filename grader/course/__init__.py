"""A whole class: who handed in what, grading all of it, and the marks."""
