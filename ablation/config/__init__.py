"""What can be set: declared once, read by the command line, MLproject, the tracker and the docs."""
