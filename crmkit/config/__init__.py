"""Settings from files and variables: what stands for an option that was not typed."""
