"""What continues a session: who answers, what they are sent, and the run that is kept of it."""
