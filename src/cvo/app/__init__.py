"""The product's verbs, one file each, and the company they act on."""
