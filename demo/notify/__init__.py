"""What a running show tells other tools: Grafana's annotations, webhooks, and events as CloudEvents."""
