"""Implementations in many ways, wrong and right; the first word of a file's name says of what kind it is."""
