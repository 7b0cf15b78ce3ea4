"""Measured tables: how well memories render, remember, answer and grasp."""
