"""Finding, fetching and compiling OpenCV's training binaries."""
