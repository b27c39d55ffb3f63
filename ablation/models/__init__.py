"""The networks. Shapes: B windows, K input frames (4), T tokens (120), V vocabulary; L image
latent, D text width, F fused width (GRU and z)."""
