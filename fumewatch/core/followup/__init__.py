"""What people do about an alert, and who is asked next where they do nothing."""
