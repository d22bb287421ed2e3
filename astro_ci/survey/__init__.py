"""Look at the checkout and at what runs, and make the Plan."""
