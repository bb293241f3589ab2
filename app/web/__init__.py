"""What every page shares: dependencies, security headers, server-sent events, health."""
