"""What a person changes about sessions, outside of any answer: names, summaries, state, forks, new sessions."""
