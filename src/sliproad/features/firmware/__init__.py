"""What a charge point tells of its firmware updates and its log uploads."""
