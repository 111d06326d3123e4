"""Poisonscope's engine: data, attacks, training, defenses, analysis, runs. Nothing in here knows about Streamlit."""

__version__ = "0.1.0"
