"""The notes on trial: each printed statement is tried on networks, and gets a verdict that nobody wrote down."""
