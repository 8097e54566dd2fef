"""The Markdown of a show file: where its chapters end, and what their comments, code blocks and images say."""
