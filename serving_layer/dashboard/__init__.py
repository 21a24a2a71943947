"""The dashboard: pages for viewers and operators, served with everything that they load."""
