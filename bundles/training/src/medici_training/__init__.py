"""What the complete challenges share: data formats, stand-ins, training loops.

`medici/monai` and the images on it carry this package. Its data modules need NumPy and Pillow alone; torch is imported
by those modules that train.
"""
