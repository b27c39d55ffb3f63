"""An embedded world of generated film stories, in the schema of the StoryReasoning data set.

Read in this order: parameters, choice, cast, places, plots, state, process (the state machine), grammar (the words),
paint (the pictures), story (one story), writer (a data set on disk).
"""
