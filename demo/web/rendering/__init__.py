"""Pages and regions from views: templates, their caches, the layout of cards, assets."""
