"""Tasks on sequences: what classifiers scored, how sure that is, and how it is drawn."""
