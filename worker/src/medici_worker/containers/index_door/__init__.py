"""A build's one way out: two small containers of ours between its steps and the package index that a phase names."""
