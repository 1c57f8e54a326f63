"""How an implementation is judged: loaded, called on random networks, compared, entry by entry, kept as records."""
