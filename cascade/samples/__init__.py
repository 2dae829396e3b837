"""What a cascade learns from: lists of pictures and boxes, .vec files, prepared folders."""
