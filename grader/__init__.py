"""Grading: what a student hands in, run without trusting it, judged like any implementation, and explained."""
