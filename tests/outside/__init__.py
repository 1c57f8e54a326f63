"""Small programs as people write them, each made from a public question or program, with what they must get."""
