"""Signal front ends: a window of samples becomes what a model was trained on."""
