"""What tests share: servers, clients, proxies, browsers, and stand-ins for what is not at hand."""
