"""OpenCV's training binaries: getting them, driving them, reading their logs."""
