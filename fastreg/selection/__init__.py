"""Choosing the penalty: cross-validation, closed forms, information criteria, adaptation."""
