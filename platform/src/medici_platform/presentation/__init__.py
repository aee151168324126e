"""What the pages of every feature share: templates, visitors, forms, security headers. Knows of accounts alone."""
