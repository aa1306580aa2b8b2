"""What a charge point says of itself: variables and configuration keys, reports, events of its components."""
