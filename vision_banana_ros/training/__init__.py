"""Training the student: samples, questions, losses, the loop. Needs the extra `train`."""
