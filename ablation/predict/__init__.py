"""A trained model that answers: four frames with their texts → the fifth frame and its description."""
