"""What a dataset has learnt from its corrected and approved records."""
