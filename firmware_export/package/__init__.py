"""Packages: the files that let a build system take an exported model in, one module each."""
