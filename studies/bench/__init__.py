"""How fast backproof is, beside the usual ways of testing a backpropagation on the same networks."""
