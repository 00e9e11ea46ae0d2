"""One more number system: numbers that write down what is done to them, and the straight-line code that comes out."""
