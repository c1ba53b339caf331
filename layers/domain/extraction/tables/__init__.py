"""Line items: finds the rows of tables whose columns are ruled or aligned, as a list of objects."""
