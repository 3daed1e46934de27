"""Documents of shards as one stream of packs of tokens, the same on any number of processes and ranks."""
