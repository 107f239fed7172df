"""Janymda's own parts of the Rasa process: reading scripts, seeing danger, the channel, the memory."""
