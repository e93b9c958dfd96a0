"""One page that shows a comparison: the table, the figures, the trials, where all of it comes from, and how to make it
again. It opens from disk and asks nothing of any network.
"""
