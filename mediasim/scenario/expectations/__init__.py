"""What a scenario expects, judged on the recordings of its run."""
