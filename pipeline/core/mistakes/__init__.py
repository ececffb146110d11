"""Why a model is wrong, image by image."""
