"""Rows of the embedding matrices for new tokens: each method a function of the change of vocabulary and a matrix."""
