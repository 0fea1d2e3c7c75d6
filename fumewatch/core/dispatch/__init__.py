"""Dispatch: from alerts to notices: groups, inhibition, silences, quiet hours, digests."""
