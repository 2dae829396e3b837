"""Where the faces of a run go, a sink per file; `configs/sink/` has the settings of each."""
