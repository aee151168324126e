"""What a MedMNIST challenge scores: its evaluator's definitions, result files and answers, and the page it shows."""
