"""Campaigns over many networks, what they recorded, and the reports made of it."""
