"""What people may ask of their own data: to have it erased, and to have a copy of it."""
