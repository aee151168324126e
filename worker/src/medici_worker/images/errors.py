class ImageBuildFailed(Exception):  # errors are facts
    """A curated image could not be made; the sentence says what is missing and what to do."""
