"""Sound: resampling, mel filters, features, level, synthesis."""
