"""Laws and tables of the decision."""
