"""Copies a project of another server that speaks PostHog's API."""
