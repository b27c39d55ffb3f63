"""An experiment-tracked ablation study of a visual-storytelling model."""
