"""What is asked with the engine: whether the notes are right, how good the suite is, how frameworks compare."""
