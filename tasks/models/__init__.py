"""Networks that read a sequence and give its class: a file for each family, and what they share."""
