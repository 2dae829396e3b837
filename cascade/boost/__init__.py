"""Our own trainer of boosted cascades, which writes OpenCV's XML."""
