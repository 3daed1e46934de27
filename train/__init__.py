"""From a language model for English to one for the languages of the shards: vocabulary, embeddings, training, merging."""
