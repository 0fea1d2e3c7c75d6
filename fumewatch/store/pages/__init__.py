"""What pages and API show, read from the store: each statement bounded, nothing written."""
