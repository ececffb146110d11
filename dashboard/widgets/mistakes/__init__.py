"""What a test got wrong: its words, its charts, and its boxes over a picture."""
