"""The integer graph: what every stage of the quantizer speaks, and its definition in numpy."""
