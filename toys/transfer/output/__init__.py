"""What is said of a record: on the screen, on a page, in a picture; and whether it could be told before."""
