"""The MedMNIST+ prototyping benchmark: its grid, its networks and procedures, its sweep, and what follows from results.

Facts, names and defaults are those of Doerrich et al., "Rethinking model prototyping through the MedMNIST+ dataset
collection", Scientific Reports 15:7669 (2025), and of the configuration published with it.
"""
