"""The commands behind the entry points: each module has `run(settings, console) -> exit code`."""
