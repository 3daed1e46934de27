"""A tiny language model of one language's clean text: how fluent is a translation into it?"""
