"""What a pipeline sees and says, compared with what it should: drift, bad views, unsure answers."""
