"""What each scheduling constraint does to a plan, one sentence a case."""
