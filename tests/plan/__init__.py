"""`tandem plan`: what is read, what is told, what is printed."""
