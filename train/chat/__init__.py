"""Conversations as tokens: rows read, rendered by the chat template, the assistant's tokens marked, packed."""
