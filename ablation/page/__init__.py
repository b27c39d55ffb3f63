"""A page on which a trained model can be asked: four frames and their texts in, the fifth out."""
