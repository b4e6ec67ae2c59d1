"""What can be asked: one file a task, with its wording, its code, and the layers that it fills."""
