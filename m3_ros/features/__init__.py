"""Foundation models behind one protocol: images and texts to features."""
