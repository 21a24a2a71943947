"""The `cinematch` command: the stack's own commands here, the layers' commands by entry point."""
