"""The number systems that the manual formulas run over: bounds, balls, symbols."""
