"""How good the suite itself is: what it catches and how soon, what it leaves in peace, beside the usual tolerances."""
