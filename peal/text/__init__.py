"""Text: how it is shown, and what is read out of JSON from outside."""
