"""The tolerance adviser: what to allow for one architecture, and what the usual tolerances do there."""
