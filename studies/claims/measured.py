"""What is measured over seeds, by name: the claims measure it, and their charts find it again."""

SLOPE = "slope"

NORM = "norm of the first layer's gradient"

STEPS_TO_TARGET, MOST_STEPS = "steps to a loss that no linear function has", 1500

SHARE = "share of the starts from which the ReLU takes fewer steps"

LOSS, BEST = "loss on the notes' tables", "best linear fit"
