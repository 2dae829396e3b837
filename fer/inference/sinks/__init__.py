"""Where the faces of a run go, a sink per file; `configs/sink/default.yaml` has the settings of each."""
