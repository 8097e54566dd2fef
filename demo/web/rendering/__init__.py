"""Renders pages and regions from view models: templates and their caches, the layout of cards, static assets."""
