"""Pure definitions: events, watchlists, statistics, trends and the merge of batch and tail. No I/O, no driver."""
