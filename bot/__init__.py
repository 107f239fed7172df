"""The channels, the turn, and Rasa's custom actions."""
