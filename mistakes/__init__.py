"""What people get wrong: a textbook implementation, and the catalogue of its mistakes."""
