"""Stories in: where they come from, what a frame and a description become, how they are batched."""
