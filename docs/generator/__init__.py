"""What of the reference is made from the code: `python -m docs.generator` writes the pages anew."""
