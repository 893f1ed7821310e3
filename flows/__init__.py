"""Orchestration: runs recipes over sources with teachers, and keeps what happened in the store."""
