"""Another server that speaks PostHog's API, as a place to read from."""
