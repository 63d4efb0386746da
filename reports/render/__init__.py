"""What is written of it: tables, figures, pages."""
