"""The demo: a real randomised trial through the product's own path."""
